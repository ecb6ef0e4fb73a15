import numpy as np
import pytest

from plait.generators.local.engine import PaddedBatch
from plait.generators.local.model import find_causal_model, load_causal_model
from plait.generators.local.prompt_reading import PrefixStore, TokenPrompt, read_prompt

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model(folder):
    return load_causal_model(find_causal_model(str(folder)), "tiny", "float32", "cpu")


def _prompts(*lengths):
    return [tuple(int(n) for n in np.random.default_rng(size).integers(1, 250, size)) for size in lengths]


def _batch(model, prompts):
    return PaddedBatch(model, [read_prompt(model, TokenPrompt(p), PrefixStore(0)) for p in prompts])


def _alone(model, tokens):
    return model.model(input_ids=torch.tensor([list(tokens)])).logits[0, -1]


def test_each_row_goes_on_as_it_does_alone(model):
    prompts = _prompts(5, 40, 17)
    batch = _batch(model, prompts)
    for step in range(3):
        logits = batch.step([3 + step] * 3)
        for row, prompt in enumerate(prompts):
            grown = (*prompt, *(3 + n for n in range(step + 1)))
            assert torch.allclose(logits[row], _alone(model, grown), atol=1e-4)


def test_rows_that_end_leave_the_others_alone_and_take_their_padding_with_them(model):
    prompts = _prompts(5, 40, 17)
    batch = _batch(model, prompts)
    batch.step([3, 3, 3])
    batch.keep([0, 2])
    assert batch._cache.layers[0].keys.shape[::2] == (2, 18)
    logits = batch.step([4, 9])
    assert torch.allclose(logits[0], _alone(model, (*prompts[0], 3, 4)), atol=1e-4)
    assert torch.allclose(logits[1], _alone(model, (*prompts[2], 3, 9)), atol=1e-4)


def test_one_row_alone_is_not_padded_at_all(model):
    [prompt] = _prompts(12)
    batch, read = _batch(model, [prompt]), read_prompt(model, TokenPrompt(prompt), PrefixStore(0))
    assert torch.equal(batch.step([7])[0], model.step(read.cache, torch.tensor([[7]]))[0, -1])


def test_the_caches_of_several_prompts_stay_as_they_were(model):
    reads = [read_prompt(model, TokenPrompt(p), PrefixStore(0)) for p in _prompts(5, 9)]
    batch = PaddedBatch(model, reads)
    batch.step([1, 2])
    assert [read.cache.layers[0].keys.shape[2] for read in reads] == [5, 9]
