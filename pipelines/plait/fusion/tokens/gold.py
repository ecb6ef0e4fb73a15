"""How much each passage alone helps a reader with an answer: the teacher of retriever distillation.

See :mod:`plait.fusion.tokens.distillation`. A causal model reads the passage before the question: passages that several
questions share are then read once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from plait.fusion.tokens.answer_rows import Answers
from plait.fusion.tokens.task_prompt import TaskPrompt, clean_title

__all__ = ["AnswerReader", "Asked", "Gold"]

_BATCH = 8
Asked = tuple[int, int]
"""Number of a question, and row of a passage."""


class AnswerReader(Protocol):
    """A model that says how likely answers are."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    def check(self, prompt: TaskPrompt, answer: Sequence[int], /) -> None:
        """Raises a ModelError where a question leaves no room for any passage."""
        ...

    @property
    def cut(self) -> int:
        """Passages that were too long for the model so far, and lost their ends."""
        ...

    def answers(self, texts: Sequence[str]) -> Answers:
        """Answers as token numbers."""
        ...

    def read(self, prompts: Sequence[TaskPrompt], answers: Sequence[Answers]) -> list[Tensor]:
        """For each prompt a tensor (answers, most tokens of any of them) of log-likelihoods."""
        ...


class Gold:
    """Scores passages by a reader, each pair of a question and a passage once.

    Args:
        reader: the teacher.
        questions: with their answers.
        passage: title and text of a row.
    """

    def __init__(
        self,
        reader: AnswerReader,
        questions: Sequence[tuple[str, str]],
        passage: Callable[[int], tuple[str, str]],
    ) -> None:
        self._reader, self._questions, self._passage = reader, questions, passage
        self._known: dict[Asked, float] = {}

    @property
    def known(self) -> Mapping[Asked, float]:
        """Mean log-likelihood of the answer's tokens, in nats, of all pairs so far."""
        return self._known

    def check(self) -> None:
        """Finds questions that the reader cannot read before it has read for an hour.

        Raises:
            ModelError: one has no room for any passage, or its answer has no tokens.
        """
        for question, answer in self._questions:
            (tokens,) = self._reader.answers([answer])
            self._reader.check(TaskPrompt(question, ("",), ("",), slots=False), tokens)

    def add(self, wanted: Sequence[Asked], progress: Callable[[int, int], None] | None = None) -> None:
        """Scores the pairs that are not known yet; ``progress`` is called with how many are and how many there are.

        Raises:
            ModelError: an answer has no tokens, or a likelihood is not finite.
        """
        missing = sorted({pair for pair in wanted if pair not in self._known}, key=lambda pair: (pair[1], pair[0]))
        by_row: dict[int, list[int]] = {}
        for question, row in missing:
            by_row.setdefault(row, []).append(question)
        done = 0
        for row, questions in by_row.items():
            title, text = self._passage(row)
            for start in range(0, len(questions), _BATCH):
                part = questions[start : start + _BATCH]
                for question, value in zip(part, self._scored(title, text, part), strict=True):
                    self._known[question, row] = value
                done += len(part)
                if progress is not None:
                    progress(done, len(missing))

    def _scored(self, title: str, text: str, questions: Sequence[int]) -> list[float]:
        shown = (clean_title(title),)
        prompts = [TaskPrompt(self._questions[q][0], (text,), shown, slots=False) for q in questions]
        answers = [self._reader.answers([self._questions[q][1]]) for q in questions]
        with torch.inference_mode():
            tables = self._reader.read(prompts, answers)
        return [float(table[0, : len(own)].mean()) for table, (own,) in zip(tables, answers, strict=True)]
