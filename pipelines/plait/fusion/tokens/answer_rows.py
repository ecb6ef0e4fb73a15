"""Answers as tokens, and how few passes of a model score all of them.

Answers that differ in their last token alone, as letters and single words do, are scored by one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from plait.contracts.errors import ModelError

__all__ = ["MOST_TOKENS", "Answers", "Row", "answer_tokens", "rows_of", "tables_of"]

Answers = Sequence[tuple[int, ...]]
"""Token numbers of several answers to one prompt."""


MOST_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Row:
    """One pass of the model: a prompt, and all but the last token of an answer.

    Args:
        prompt: number of the prompt.
        context: tokens of the answer that follow it.
    """

    prompt: int
    context: tuple[int, ...]


def answer_tokens(tokenizer: Any, texts: Sequence[str], lead: str, model: str) -> list[tuple[int, ...]]:
    """Answers as token numbers.

    Of longer ones the first 64 count: what a prompt says about an answer is said by then, and every token costs the
    logits of a whole vocabulary. Where one answer begins another, all get the token that ends a turn: else the shorter
    one could never be less likely than the longer.

    Args:
        tokenizer: of the model, from transformers.
        texts: the answers.
        lead: what stands between the prompt and an answer.
        model: its name, for errors.

    Raises:
        ModelError: an answer has no tokens.
    """
    found = [
        tuple(int(token) for token in tokenizer(lead + text, add_special_tokens=False)["input_ids"][:MOST_TOKENS])
        for text in texts
    ]
    if not all(found):
        raise ModelError("an answer has no tokens", where=model, fix="leave empty answers out")
    nested = any(a != b and b[: len(a)] == a for a in found for b in found)
    end = tokenizer.eos_token_id
    return [(*tokens, int(end)) for tokens in found] if nested and end is not None else found


def rows_of(answers: Sequence[Answers]) -> list[Row]:
    """What has to be read to score all answers of all prompts.

    Example:
        >>> [row.context for row in rows_of([[(1, 2), (1, 3), (1, 2, 4)]])]
        [(1, 2)]
    """
    return [Row(number, context) for number, own in enumerate(answers) for context in _contexts(own)]


def tables_of(
    logits: Tensor, rows: Sequence[Row], answers: Sequence[Answers], places: Sequence[Sequence[int]], model: str
) -> list[Tensor]:
    """Log-likelihoods of every answer's tokens.

    Args:
        logits: of the rows, shape (rows, positions, vocabulary).
        rows: from :func:`rows_of`.
        answers: of each prompt.
        places: for each prompt, the position among the logits that expects the answer's first token, its second, ...
        model: its name, for errors.

    Returns:
        For each prompt a tensor (answers, most tokens of any of them), 0 where an answer has ended.

    Raises:
        ModelError: a likelihood is not finite.
    """
    normaliser = torch.logsumexp(logits, dim=-1)
    found = []
    for number, own in enumerate(answers):
        longest = max(map(len, own))
        table = []
        for tokens in own:
            row, at = _row_of(rows, number, tokens[:-1]), list(places[number][: len(tokens)])
            values = logits[row, at, list(tokens)] - normaliser[row, at]
            table.append(functional.pad(values, (0, longest - len(tokens))))
        found.append(torch.stack(table))
    if not all(bool(torch.isfinite(part).all()) for part in found):
        raise ModelError(f"{model} gave likelihoods that are not finite", fix='load it with dtype="float32"')
    return found


def _contexts(answers: Answers) -> list[tuple[int, ...]]:
    """No context that another begins with."""
    contexts = sorted({answer[:-1] for answer in answers})
    # Sorted, a context stands directly in front of the ones it begins.
    return [
        context
        for context, following in zip(contexts, [*contexts[1:], None], strict=True)
        if following is None or following[: len(context)] != context
    ]


def _row_of(rows: Sequence[Row], prompt: int, context: tuple[int, ...]) -> int:
    return next(
        number for number, row in enumerate(rows) if row.prompt == prompt and row.context[: len(context)] == context
    )
