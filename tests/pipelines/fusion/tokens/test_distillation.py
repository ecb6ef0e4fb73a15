from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from plait.contracts.errors import ModelError
from plait.fusion.tokens.distillation import Adapter, DistillationSettings, Gold, distil, pdist_loss
from plait.fusion.tokens.soft_token_reader import FrozenReader
from plait.fusion.tokens.tasks import Task, TaskPrompt
from plait.generators.local.model import CausalModel
from plait.retrievers.query_adapter import QueryAdapter

SCORES = np.array([[0.9, 0.1, -0.4], [0.2, 0.3, 0.25]])
GOLD = np.array([[-1.2, -0.3, -4.0], [-2.0, -2.5, -0.1]])


PAPER = DistillationSettings(gold_temperature=1.0, score_temperature=0.3, prior=0.0, steps=150, learning_rate=1e-2)


def by_hand(scores: NDArray[np.float64], gold: NDArray[np.float64], t_score: float, t_gold: float) -> float:
    def softmax(table: NDArray[np.float64]) -> NDArray[np.float64]:
        powers = np.exp(table)
        return powers / powers.sum(axis=1, keepdims=True)

    wanted, given = softmax(gold / t_gold), softmax(scores / t_score)
    return float((wanted * np.log(wanted / given)).sum(axis=1).mean())


@pytest.mark.parametrize(("t_score", "t_gold"), [(1.0, 1.0), (0.5, 2.0), (0.1, 0.4)])
def test_the_loss_is_the_formula(t_score: float, t_gold: float) -> None:
    loss = pdist_loss(torch.tensor(SCORES), torch.tensor(GOLD), score_temperature=t_score, gold_temperature=t_gold)
    assert float(loss) == pytest.approx(by_hand(SCORES, GOLD, t_score, t_gold), rel=1e-5)


def test_the_loss_is_zero_where_retriever_and_reader_agree() -> None:
    loss = pdist_loss(torch.tensor(GOLD * 0.5), torch.tensor(GOLD), score_temperature=0.5, gold_temperature=1.0)
    assert abs(float(loss)) < 1e-6


def test_gradients_reach_the_retriever_and_not_the_reader() -> None:
    scores = torch.tensor(SCORES, requires_grad=True)
    gold = torch.tensor(GOLD, requires_grad=True)
    pdist_loss(scores, gold, score_temperature=1.0, gold_temperature=1.0).backward()
    assert gold.grad is None
    wanted = torch.softmax(torch.tensor(GOLD), dim=1)
    # The gradient of a cross-entropy: what is given less what is wanted, over the number of questions.
    assert scores.grad is not None
    assert torch.allclose(scores.grad, (torch.softmax(torch.tensor(SCORES), dim=1) - wanted) / 2, atol=1e-6)


def unit(table: NDArray[np.float64]) -> NDArray[np.float32]:
    return (table / np.linalg.norm(table, axis=-1, keepdims=True)).astype(np.float32)


def made(questions: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The reader likes the passage that holds the question's second half, which the retriever does not look at."""
    random = np.random.default_rng(seed)
    queries = random.normal(size=(questions, 8))
    passages = random.normal(size=(questions, 4, 8))
    gold = np.einsum("md,mnd->mn", queries[:, 4:], passages[:, :, :4])
    return unit(queries), unit(passages), gold.astype(np.float32)


def test_an_untrained_adapter_returns_what_it_gets_bit_for_bit() -> None:
    queries, _, _ = made(6, 0)
    assert torch.equal(Adapter(8).queries(torch.from_numpy(queries)), torch.from_numpy(queries))


def test_distillation_teaches_the_retriever_what_the_reader_likes() -> None:
    train, held_out = made(200, 0), made(100, 1)

    def agreement(adapter: Adapter) -> float:
        with torch.inference_mode():
            scores = adapter(torch.from_numpy(held_out[0]), torch.from_numpy(held_out[1])).numpy()
        return float((scores.argmax(axis=1) == held_out[2].argmax(axis=1)).mean())

    settings = PAPER
    losses: list[float] = []
    adapter = distil(Adapter(8), *train, settings, progress=lambda _, loss: losses.append(loss))
    assert agreement(Adapter(8)) < 0.45  # one in four by chance
    assert agreement(adapter) > 0.7
    assert np.mean(losses[-10:]) < 0.5 * losses[0]


def test_distillation_from_meaningless_likelihoods_teaches_nothing() -> None:
    queries, passages, gold = made(200, 0)
    shuffled = gold[np.random.default_rng(3).permutation(200)]
    settings = PAPER
    adapter = distil(Adapter(8), queries, passages, shuffled, settings)
    asked, offered, wanted = made(100, 1)
    with torch.inference_mode():
        scores = adapter(torch.from_numpy(asked), torch.from_numpy(offered)).numpy()
    assert (scores.argmax(axis=1) == wanted.argmax(axis=1)).mean() < 0.45


def test_a_prior_holds_on_to_what_the_retriever_thought_before() -> None:
    queries, passages, gold = made(200, 0)
    before = torch.einsum("md,mnd->mn", torch.from_numpy(queries), torch.from_numpy(passages))

    def moved(prior: float, gold: NDArray[np.float32]) -> float:
        adapter = distil(Adapter(8), queries, passages, gold, PAPER.model_copy(update={"prior": prior}))
        with torch.inference_mode():
            return float((adapter(torch.from_numpy(queries), torch.from_numpy(passages)) - before).abs().mean())

    # A reader that has no opinion leaves the retriever where it is, and without a prior makes all passages alike.
    indifferent = np.zeros_like(gold)
    assert moved(1.0, indifferent) < 0.01 < 0.1 < moved(0.0, indifferent)
    assert moved(4.0, gold) < moved(1.0, gold) < moved(0.0, gold)


def test_the_adapter_is_the_one_that_retrieval_applies() -> None:
    queries, passages, gold = made(50, 0)
    adapter = distil(Adapter(8), queries, passages, gold, PAPER)
    with torch.inference_mode():
        wanted = adapter.queries(torch.from_numpy(queries)).numpy()
    turned = QueryAdapter(adapter.matrix.detach().numpy())
    np.testing.assert_allclose(turned(queries), wanted, atol=1e-6)
    np.testing.assert_allclose(turned(queries[3]), wanted[3], atol=1e-6)


def test_distillation_is_deterministic() -> None:
    settings = DistillationSettings(steps=5)
    first, second, other = (distil(Adapter(8), *made(50, 0), settings, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.matrix, second.matrix)
    assert not torch.equal(first.matrix, other.matrix)


def test_shapes_that_do_not_fit_and_broken_gold_are_refused() -> None:
    queries, passages, gold = made(6, 0)
    with pytest.raises(ModelError, match=r"give \(m, d\), \(m, n, d\) and \(m, n\)"):
        distil(Adapter(8), queries, passages[:, :3], gold)
    gold[0, 0] = np.nan
    with pytest.raises(ModelError, match="not finite"):
        distil(Adapter(8), queries, passages, gold)


QUESTIONS = [("What is red?", "a rose"), ("What is green?", "grass and moss"), ("Who?", "x" * 100)]
PASSAGES = [('The "first"', "Roses are red."), ("Second", "Grass is green, and so is moss."), ("Third", "Nobody.")]


def read_by_hand(model: CausalModel, question: int, row: int) -> float:
    """The mean log-likelihood of the answer's tokens, all tokens at once."""
    reader = FrozenReader(model)
    title, text = PASSAGES[row]
    prompt = TaskPrompt(QUESTIONS[question][0], (text,), (title.replace('"', "'"),), slots=False)
    tokens = list(reader.prompt(prompt.messages).tokens)
    answer = list(reader.answers([QUESTIONS[question][1]])[0])[:64]
    with torch.inference_mode():
        logits = model.model(input_ids=torch.tensor([[*tokens, *answer]])).logits[0].double()
    table = torch.log_softmax(logits, dim=-1)
    return float(torch.stack([table[len(tokens) - 1 + step, token] for step, token in enumerate(answer)]).mean())


def test_gold_is_the_mean_log_likelihood_of_the_answer_given_one_passage(tiny_model: CausalModel) -> None:
    gold = Gold(FrozenReader(tiny_model), QUESTIONS, PASSAGES.__getitem__)
    pairs = [(question, row) for question in range(3) for row in range(3)]
    gold.add(pairs)
    assert sorted(gold.known) == pairs
    for question, row in pairs:
        assert gold.known[question, row] == pytest.approx(read_by_hand(tiny_model, question, row), abs=1e-4)


def test_a_pair_is_read_once(tiny_model: CausalModel) -> None:
    read: list[int] = []
    reader = FrozenReader(tiny_model)
    gold = Gold(reader, QUESTIONS, lambda row: read.append(row) or PASSAGES[row])  # type: ignore[func-returns-value]
    shown: list[tuple[int, int]] = []
    gold.add([(0, 1), (2, 1), (1, 0)], lambda done, total: shown.append((done, total)))
    assert (read, shown) == ([0, 1], [(1, 3), (3, 3)])
    gold.add([(0, 1), (1, 0)])
    assert read == [0, 1]


def test_passages_that_do_not_fit_lose_their_ends_and_are_counted(tiny_model: CausalModel) -> None:
    window = tiny_model.window
    assert window == 2048
    reader = FrozenReader(tiny_model)
    long = "Roses are red. " * 200
    gold = Gold(reader, QUESTIONS, lambda _: ("Long", long))
    gold.add([(0, 0)])
    assert reader.cut == 1
    assert np.isfinite(gold.known[0, 0])
    fitting = reader.fitting(TaskPrompt("What?", (long,), ("Long",), slots=False), 10)
    assert 0.9 * window < len(fitting.tokens) <= window - 10
    with pytest.raises(ModelError, match="the model reads 2,048"):
        long_question = TaskPrompt("What? " * 500, ("Short.",), slots=False)
        reader.log_likelihoods([Task("answer", long_question, (), "x")], [[(1, 2)]])
    with pytest.raises(ModelError, match="the model reads 2,048"):
        Gold(reader, [*QUESTIONS, ("What? " * 500, "x")], PASSAGES.__getitem__).check()
