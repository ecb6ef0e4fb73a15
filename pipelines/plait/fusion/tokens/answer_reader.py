"""Language models that tell how likely given answers are, and how few passes score all answers to a task.

Answers that differ in their last token alone, as letters and single words do, are scored by one pass. Two kinds of
models are read: decoder models by :mod:`plait.fusion.tokens.soft_token_reader`, encoder-decoder models by
:mod:`plait.fusion.tokens.fusion_reader`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from plait.contracts import Structural
from plait.contracts.errors import ModelError
from plait.fusion.tokens.lessons import ReaderSettings
from plait.fusion.tokens.tasks import Task, TaskPrompt

__all__ = ["AnswerReader", "AnswerRow", "Answers", "StructureReader", "answer_tokens", "rows_of", "tables_of"]

Answers = Sequence[tuple[int, ...]]
"""Token numbers of several answers to one prompt."""
_MOST_TOKENS = 64


class AnswerReader(Protocol):
    """A model that says how likely answers are."""

    @property
    def name(self) -> str:
        """The language model's name."""
        ...

    @property
    def cut(self) -> int:
        """Passages that were too long for the model so far, and lost their ends."""
        ...

    def answers(self, texts: Sequence[str], /) -> Answers:
        """Answers as token numbers.

        Raises:
            ModelError: an answer has no tokens.
        """
        ...

    def check(self, prompt: TaskPrompt, answer: int, /) -> None:
        """Looks whether a question, with an answer of so many tokens, leaves room for any passage.

        Raises:
            ModelError: it does not.
        """
        ...

    def log_likelihoods(self, tasks: Sequence[Task], answers: Sequence[Answers], /) -> list[Tensor]:
        """Log-likelihood of every answer's tokens.

        Args:
            tasks: what is asked. Passages that do not fit the model with their question and answer lose their ends.
            answers: of each task, from :meth:`answers`.

        Returns:
            For each task a tensor (answers, most tokens of any of them), 0 where an answer has ended: sums are total
            log-likelihoods.

        Raises:
            ModelError: a question does not fit without any passage, or a likelihood is not finite.
        """
        ...


class StructureReader(AnswerReader, Protocol):
    """A frozen language model, and the part beside it that is trained to let structural vectors in."""

    @property
    def part(self) -> nn.Module:
        """Its parameters that ask for gradients are what is trained."""
        ...

    @property
    def gate(self) -> float | None:
        """How far structure is let in, between -1 and 1; None where no gate bounds it."""
        ...

    def parameter_groups(self, settings: ReaderSettings, /) -> list[dict[str, Any]]:
        """The trained parameters with their rates, as optimisers of torch take them."""
        ...

    def centre(self, structure: NDArray[np.float32], /) -> None:
        """Sees the vectors that it is going to learn from, shape (documents, structure). Before training only."""
        ...

    def log_likelihoods(
        self, tasks: Sequence[Task], answers: Sequence[Answers], structural: Structural | None = None, /
    ) -> list[Tensor]:
        """As :meth:`AnswerReader.log_likelihoods`, with gradients to the trained part.

        ``structural`` are vectors by node of the graph; None leaves structure out, which is the plain model in every
        bit.
        """
        ...

    def save(self, folder: Path, structural: Mapping[str, Any], /) -> Path:
        """Writes the trained part into the folder of the index's model ``reader``; the file.

        Args:
            folder: where.
            structural: identity of the structural encoder (JSON).

        Raises:
            ModelError: a weight is not finite.
        """
        ...


@dataclass(frozen=True, slots=True)
class AnswerRow:
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
        tuple(int(token) for token in tokenizer(lead + text, add_special_tokens=False)["input_ids"][:_MOST_TOKENS])
        for text in texts
    ]
    if not all(found):
        raise ModelError("an answer has no tokens", where=model, fix="leave empty answers out")
    nested = any(a != b and b[: len(a)] == a for a in found for b in found)
    end = tokenizer.eos_token_id
    return [(*tokens, int(end)) for tokens in found] if nested and end is not None else found


def rows_of(answers: Sequence[Answers]) -> list[AnswerRow]:
    """What has to be read to score all answers of all prompts: no context that another begins with.

    Example:
        >>> [row.context for row in rows_of([[(1, 2), (1, 3), (1, 2, 4)]])]
        [(1, 2)]
    """
    rows = []
    for number, own in enumerate(answers):
        contexts = sorted({answer[:-1] for answer in own})
        # Sorted, a context stands directly in front of the ones it begins.
        for context, following in zip(contexts, [*contexts[1:], None], strict=True):
            if following is None or following[: len(context)] != context:
                rows.append(AnswerRow(number, context))
    return rows


def tables_of(
    logits: Tensor, rows: Sequence[AnswerRow], answers: Sequence[Answers], places: Sequence[Sequence[int]], model: str
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
            context, at = tokens[:-1], list(places[number][: len(tokens)])
            row = next(n for n, r in enumerate(rows) if r.prompt == number and r.context[: len(context)] == context)
            values = logits[row, at, list(tokens)] - normaliser[row, at]
            table.append(functional.pad(values, (0, longest - len(tokens))))
        found.append(torch.stack(table))
    if not all(bool(torch.isfinite(part).all()) for part in found):
        raise ModelError(f"{model} gave likelihoods that are not finite", fix='load it with dtype="float32"')
    return found
