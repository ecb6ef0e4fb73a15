import pytest

from plait.generators.local.model import find_causal_model, load_causal_model
from plait.generators.local.prompt_reading import PrefixStore, TokenPrompt, log_likelihoods, read_prompt

torch = pytest.importorskip("torch")
PROMPT = (72, 101, 108, 108, 111)


@pytest.fixture(scope="module")
def model(folder):
    return load_causal_model(find_causal_model(str(folder)), "tiny", "float32", "cpu")


@pytest.fixture
def read(model):
    return read_prompt(model, TokenPrompt(PROMPT), PrefixStore(0))


def _alone(model, answer, ends):
    """One answer at a time, without a cache."""
    logits = model.model(input_ids=torch.tensor([[*PROMPT, *answer]])).logits[0, len(PROMPT) - 1 :].double()
    chances = torch.log_softmax(logits, dim=-1)
    score = sum(chances[n, token] for n, token in enumerate(answer))
    return float(score + (torch.logsumexp(chances[-1, list(ends)], dim=-1) if ends else 0))


@pytest.mark.parametrize("ends", [(256,), (10, 256), ()])
def test_every_answer_scores_as_it_does_alone_however_long_the_others_are(model, read, ends):
    answers = [[1 + n % 7 + place for place in range(1 + n % 4)] for n in range(20)]
    scores = log_likelihoods(model, read, answers, ends)
    assert scores == pytest.approx([_alone(model, answer, ends) for answer in answers], abs=1e-4)


def test_all_first_tokens_and_the_end_share_one_probability(model, read):
    """Answers of one token each, the end not counted: their chances add up to 1."""
    scores = log_likelihoods(model, read, [[token] for token in range(257)], ())
    assert sum(2.718281828459045**score for score in scores) == pytest.approx(1, abs=1e-4)


def test_the_end_takes_the_advantage_from_an_answer_that_begins_another(model, read):
    free, ended = ([*log_likelihoods(model, read, [[5], [5, 6]], ends)] for ends in ((), (256,)))
    assert free[0] > free[1]
    assert ended[0] < free[0]


def test_scoring_leaves_the_prompt_as_it_was(model, read):
    before = [layer.keys.clone() for layer in read.cache.layers]
    log_likelihoods(model, read, [[1, 2], [3]], (256,))
    assert all(layer.keys.equal(keys) for layer, keys in zip(read.cache.layers, before, strict=True))
