from __future__ import annotations

import numpy as np
import pytest
import torch

from plait.contracts import Message, Slot
from plait.contracts.errors import ModelError
from plait.fusion.tokens import soft_token_reader
from plait.fusion.tokens.soft_token_reader import FrozenReader
from plait.fusion.tokens.tasks import TaskPrompt
from plait.generators.local.model import CausalModel

QUESTION = TaskPrompt("Which?", ("one", "two"), question_first=True).messages
OTHER = TaskPrompt("Which?", ("three and more", "two"), question_first=True).messages


def by_hand(model: CausalModel, tokens: list[int], answer: tuple[int, ...]) -> float:
    """All tokens at once, without caches, padding or shared rows."""
    with torch.inference_mode():
        logits = model.model(input_ids=torch.tensor([[*tokens, *answer]])).logits[0].double()
    table = torch.log_softmax(logits, dim=-1)
    return float(sum(table[len(tokens) - 1 + step, token] for step, token in enumerate(answer)))


@pytest.mark.parametrize("k", [1, 3])
def test_likelihoods_are_those_of_the_plain_model(tiny_model: CausalModel, k: int) -> None:
    reader = FrozenReader(tiny_model, k)
    prompts = [reader.prompt(messages) for messages in (QUESTION, OTHER)]
    answers = [reader.answers(["yes", "no", "maybe so"]), reader.answers(["north"])]
    found = reader.read(prompts, answers)
    assert [table.shape for table in found] == [(3, 8), (1, 5)]
    for prompt, own, table in zip(prompts, answers, found, strict=True):
        for answer, row in zip(own, table, strict=True):
            assert float(row.sum()) == pytest.approx(by_hand(tiny_model, list(prompt.tokens), answer), abs=1e-4)
            assert not row[len(answer) :].any()


def test_prompts_that_share_nothing_are_read_from_the_start(tiny_model: CausalModel) -> None:
    reader = FrozenReader(tiny_model)
    first = reader.prompt([Message("user", "x", (Slot(0, 1),))])
    second = reader.prompt([Message("system", "Be brief."), Message("user", "x", (Slot(0, 1),))])
    found = reader.read([first, second], [reader.answers(["a"]), reader.answers(["a"])])
    for prompt, table in zip((first, second), found, strict=True):
        wanted = by_hand(tiny_model, list(prompt.tokens), reader.answers(["a"])[0])
        assert float(table.sum()) == pytest.approx(wanted, abs=1e-4)


def test_offsets_of_zero_are_no_offsets_in_every_bit(tiny_model: CausalModel) -> None:
    reader = FrozenReader(tiny_model, 2)
    prompt, answers = reader.prompt(QUESTION), reader.answers(["yes", "no"])
    plain = reader.read([prompt], [answers])[0]
    zeros = reader.read([prompt], [answers], [{1: torch.zeros(2, 32), 2: torch.zeros(2, 32)}])[0]
    assert torch.equal(plain, zeros)


def test_an_offset_is_added_to_the_markers_of_its_own_passage(tiny_model: CausalModel) -> None:
    reader = FrozenReader(tiny_model, 2)
    prompt, answers = reader.prompt(QUESTION), reader.answers(["yes"])
    offset = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    found = reader.read([prompt], [answers], [{2: offset}])[0]
    tokens = torch.tensor([[*prompt.tokens, *answers[0]]])
    embeddings = tiny_model.model.get_input_embeddings()(tokens).detach().clone()
    for row, place in zip(offset, prompt.places[2], strict=True):
        embeddings[0, place] += row
    with torch.inference_mode():
        table = torch.log_softmax(tiny_model.model(inputs_embeds=embeddings).logits[0], dim=-1)
    wanted = sum(float(table[len(prompt.tokens) - 1 + step, token]) for step, token in enumerate(answers[0]))
    assert float(found.sum()) == pytest.approx(wanted, abs=1e-4)
    elsewhere = reader.read([prompt], [answers], [{1: offset}])[0]
    assert abs(float(elsewhere.sum() - found.sum())) > 1e-4


def test_gradients_reach_offsets_and_no_weight(tiny_model: CausalModel) -> None:
    reader = FrozenReader(tiny_model)
    offset = torch.zeros(1, 32, requires_grad=True)
    prompt, answers = reader.prompt(QUESTION), reader.answers(["yes", "no"])
    reader.read([prompt], [answers], [{1: offset}])[0].sum().backward()
    assert offset.grad is not None and float(offset.grad.abs().max()) > 0
    assert all(value.grad is None and not value.requires_grad for value in tiny_model.model.parameters())
    # Moving along the gradient raises the likelihood: it is that of the offset, not of something beside it.
    with torch.inference_mode():
        before = reader.read([prompt], [answers], [{1: offset}])[0].sum()
        after = reader.read([prompt], [answers], [{1: offset + 1e-2 * offset.grad}])[0].sum()
    assert after > before


def test_answers_that_begin_one_another_end_with_the_token_that_ends_a_turn(
    tiny_model: CausalModel, plain_model: CausalModel
) -> None:
    reader = FrozenReader(tiny_model)
    assert [len(answer) for answer in reader.answers(["ab", "abc"])] == [3, 4]
    assert [answer[-1] for answer in reader.answers(["ab", "abc"])] == [256, 256]
    assert [len(answer) for answer in reader.answers(["ab", "acb"])] == [2, 3]
    # Without a template the answer follows a colon.
    assert [len(answer) for answer in FrozenReader(plain_model).answers(["ab", "acb"])] == [3, 4]
    with pytest.raises(ModelError, match="no tokens"):
        reader.answers(["a", ""])


def test_a_model_without_a_template_is_read_alike(plain_model: CausalModel) -> None:
    reader = FrozenReader(plain_model)
    prompt, answers = reader.prompt(QUESTION), reader.answers(["yes"])
    found = reader.read([prompt], [answers])[0]
    assert float(found.sum()) == pytest.approx(by_hand(plain_model, list(prompt.tokens), answers[0]), abs=1e-4)


def test_offsets_that_are_not_finite_end_in_an_error(tiny_model: CausalModel) -> None:
    reader = FrozenReader(tiny_model)
    with pytest.raises(ModelError, match="not finite"):
        reader.read([reader.prompt(QUESTION)], [reader.answers(["yes"])], [{1: torch.full((1, 32), float("nan"))}])


def test_the_space_is_the_models(tiny_model: CausalModel) -> None:
    space = FrozenReader(tiny_model).space
    assert space == tiny_model.space
    assert np.isclose(space.rms, float(tiny_model.model.get_input_embeddings().weight.square().mean().sqrt()))


def test_batches_that_would_fill_memory_are_read_in_parts(
    tiny_model: CausalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = FrozenReader(tiny_model)
    prompts = [reader.prompt(TaskPrompt("What? " * n, ("Short.",), slots=False).messages) for n in range(1, 7)]
    answers = [reader.answers(["a", "no"])] * 6
    with torch.inference_mode():
        whole = reader.read(prompts, answers)
        monkeypatch.setattr(soft_token_reader, "_MOST_LOGITS", 5_000)
        parts = reader.read(prompts, answers)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
