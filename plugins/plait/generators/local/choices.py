"""Which of several given answers is the likeliest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from plait.contracts import Chunk, GenerationRequest, Usage
from plait.contracts.errors import GenerationError
from plait.generators.local.engine import Engine
from plait.generators.local.model import CausalModel
from plait.generators.local.reading import ReadPrompt, TokenPrompt
from plait.generators.local.writing import checked_logits

__all__ = ["choose", "log_likelihoods"]

_TOGETHER = 16
"""Answers scored in one pass: each needs a copy of the prompt's cache."""


def choose(
    engine: Engine,
    request: GenerationRequest,
    prompt: TokenPrompt,
    answers: Sequence[Sequence[int]],
    ends: Collection[int],
    ended: Callable[[], bool],
) -> Chunk:
    """Answers with one of the request's choices, by the likelihood of the whole choice.

    Args:
        engine: what judges.
        request: the choices, the temperature and the seed.
        prompt: what they answer.
        answers: token numbers of each choice.
        ends: tokens that may follow a choice.
        ended: whether nobody waits any more.

    Raises:
        GenerationError: the model failed.
    """
    import torch

    with engine.running():
        read = engine.read(prompt, ended)
        scores = log_likelihoods(engine.model, read, answers, ends)
    place = scores.index(max(scores))
    if request.temperature > 0:
        random = torch.Generator(device="cpu").manual_seed(request.seed)
        chances = torch.softmax(torch.tensor(scores, dtype=torch.float64) / request.temperature, dim=-1)
        place = int(torch.multinomial(chances, 1, generator=random))
    detail = {
        "model": engine.model.name,
        "reused_tokens": read.reused,
        "log_likelihoods": dict(zip(request.choices, scores, strict=True)),
    }
    return Chunk(request.choices[place], "stop", Usage(len(prompt), len(answers[place])), detail)


def log_likelihoods(
    model: CausalModel, prompt: ReadPrompt, answers: Sequence[Sequence[int]], ends: Collection[int]
) -> list[float]:
    r"""Natural logarithm of the probability that the answer is exactly this one.

    .. math:: \sum_t \log p(a_t \mid \text{prompt}, a_{<t}) + \log \sum_{e \in \text{ends}} p(e \mid \text{prompt}, a)

    It is a total and not a mean: each further token costs, and because the end counts too, an answer that merely begins
    another has no advantage over it.

    Args:
        model: what judges.
        prompt: as it was read; its cache is left alone, and read once for all answers.
        answers: token numbers of each, at least one.
        ends: tokens that may follow; with none the end is not counted.

    Raises:
        GenerationError: a logit is no number, or the model's layers cannot take up a prompt again.
    """
    if model.carries_state:
        raise GenerationError(
            f"{model.name} carries a state along its prompt, which choices cannot start from again",
            fix="leave choices out, or use a model with attention in every layer",
        )
    return [
        score
        for start in range(0, len(answers), _TOGETHER)
        for score in _scores(model, prompt, answers[start : start + _TOGETHER], sorted(ends))
    ]


def _scores(
    model: CausalModel, prompt: ReadPrompt, answers: Sequence[Sequence[int]], ends: Sequence[int]
) -> Iterator[float]:
    import torch

    longest = max(map(len, answers))
    # Padding on the right: it comes after all that counts, and no position looks ahead.
    rows = torch.tensor([[*answer, *[answer[-1]] * (longest - len(answer))] for answer in answers])
    logits = model.step(_repeated(prompt.cache, len(answers)), rows.to(model.model.device), keep=0)
    first = torch.log_softmax(checked_logits(prompt.logits), dim=-1)
    later = torch.log_softmax(checked_logits(logits), dim=-1)  # (answers, positions, vocabulary)
    for row, answer in enumerate(answers):
        score = float(first[answer[0]])
        score += sum(float(later[row, place, token]) for place, token in enumerate(answer[1:]))
        if ends:
            score += float(torch.logsumexp(later[row, len(answer) - 1, list(ends)], dim=-1))
        yield score


def _repeated(cache: Any, rows: int) -> Any:
    from transformers import DynamicCache

    return DynamicCache(
        (layer.keys.expand(rows, -1, -1, -1), layer.values.expand(rows, -1, -1, -1)) for layer in cache.layers
    )
