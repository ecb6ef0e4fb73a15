from __future__ import annotations

import numpy as np
import pytest
import torch

from plait.contracts.errors import ModelError
from plait.fusion.tokens import frozen
from plait.fusion.tokens.frozen import FrozenReader
from plait.fusion.tokens.gold import Gold
from plait.fusion.tokens.task_prompt import TaskPrompt
from plait.generators.local.model import CausalModel

QUESTIONS = [("What is red?", "a rose"), ("What is green?", "grass and moss"), ("Who?", "x" * 100)]
PASSAGES = [('The "first"', "Roses are red."), ("Second", "Grass is green, and so is moss."), ("Third", "Nobody.")]


def by_hand(model: CausalModel, question: int, row: int) -> float:
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
        assert gold.known[question, row] == pytest.approx(by_hand(tiny_model, question, row), abs=1e-4)


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
        reader.read([TaskPrompt("What? " * 500, ("Short.",), slots=False)], [[(1, 2)]])
    with pytest.raises(ModelError, match="the model reads 2,048"):
        Gold(reader, [*QUESTIONS, ("What? " * 500, "x")], PASSAGES.__getitem__).check()


def test_batches_that_would_fill_memory_are_read_in_parts(
    tiny_model: CausalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = FrozenReader(tiny_model)
    prompts = [TaskPrompt("What? " * n, ("Short.",), slots=False) for n in range(1, 7)]
    answers = [reader.answers(["a", "no"])] * 6
    with torch.inference_mode():
        whole = reader.read(prompts, answers)
        monkeypatch.setattr(frozen, "_MOST_LOGITS", 5_000)
        parts = reader.read(prompts, answers)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
