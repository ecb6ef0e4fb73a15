"""How a model is taught: the settings, which kind of task comes next, what it costs, and which kinds teach nothing.

Kinds take turns, so that none drowns the others. Those whose answers are titles or whole sentences take every fourth
turn, and half as many tasks at a time: a task of theirs costs five to fifteen of the others'. Once, on the way, every
kind about structure is tried with tasks *to learn from*; one whose soft tokens say no more than those of other
documents gives its turns to the others. It is asked about at the end like all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field

from plait.config import Settings
from plait.fusion.tokens.projector import MOST_TOKENS
from plait.fusion.tokens.tasks import WITH_TEXT, Task, by_kind

__all__ = ["Lesson", "Lessons", "ReaderSettings", "Trial"]

_LONG = frozenset({"cited_title", *WITH_TEXT})
"""Kinds whose answers are read word by word."""
_REST = 4


class ReaderSettings(Settings):
    """How a model is taught structure, and when that is kept."""

    soft_tokens: int = Field(default=1, ge=1, le=MOST_TOKENS)
    """Soft tokens per passage; without meaning for a Fusion-in-Decoder, as is ``hidden``."""
    hidden: int = Field(default=256, ge=1)
    """Width of the projector's hidden layer."""
    steps: int = Field(default=240, ge=1)
    """Steps of AdamW, of all kinds of tasks together."""
    batch: int = Field(default=8, ge=1)
    """Tasks per step, all of one kind. Half as many where answers are titles or sentences: they are long."""
    learning_rate: float = Field(default=1e-2, gt=0.0)
    """Of the projector's matrices; it falls to nothing along half a cosine."""
    gate_rate: float = Field(default=0.1, gt=0.0)
    """Of the gate, likewise."""
    weight_decay: float = Field(default=0.01, ge=0.0)
    """Of the projector's matrices."""
    negatives: int = Field(default=2, ge=1)
    """Most wrong answers that a step scores for a task whose choices have to be read one by one. Where they part with
    their last token, as single words do, all are scored at the price of one."""
    trial: float = Field(default=0.5, gt=0.0, le=1.0)
    """Share of the steps after which kinds of tasks whose tokens say nothing get no more; 1 gives all kinds all their
    steps. Where there is only one kind, none is tried."""
    trial_tasks: int = Field(default=96, ge=1)
    """Most training tasks that a kind is tried with; half as many where answers are titles."""
    tolerance: float = Field(default=0.02, ge=0.0)
    """Answers count as worse when they lose more than so much accuracy, or so many nats per token."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a kind did on the way, on tasks that it learns from.

    Judged by likelihood, not by accuracy: half-way, tokens that say a good deal may still tip all answers to one side.

    Args:
        step: after which it was tried.
        tasks: how many it was asked.
        accuracy: share of right answers.
        gain: what a task's own tokens add to the right answer's log-likelihood per token, in nats, beyond the tokens
            of other documents.
        error: standard error of that gain.

    Example:
        >>> Trial(60, 64, 0.66, gain=0.12, error=0.03).passed, Trial(60, 64, 0.53, gain=0.02, error=0.03).passed
        (True, False)
    """

    step: int
    tasks: int
    accuracy: float
    gain: float
    error: float

    @property
    def passed(self) -> bool:
        """Whether its tokens tell something beyond two standard errors: chance lets one kind in forty through."""
        return self.gain > 2.0 * self.error


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one kind of task got.

    Args:
        kind: of task.
        tasks: to learn from.
        steps: of training.
        cpu_seconds: of these steps.
        trial: on the way; None for kinds that are not tried.
    """

    kind: str
    tasks: int
    steps: int = 0
    cpu_seconds: float = 0.0
    trial: Trial | None = None


class Lessons:
    """Batches of tasks, all of one kind, kinds in turn; within a kind, all tasks before any comes again.

    Args:
        tasks: to learn from.
        settings: how many make a batch.
        seed: of their order.

    Example:
        >>> from plait.fusion.tokens.tasks import TaskPrompt
        >>> prompt = TaskPrompt("Which?", ("",))
        >>> tasks = [Task("topic", prompt, (n,), "a", ("b",)) for n in range(4)]
        >>> tasks += [Task("reading", prompt, (0,), "c")] * 4
        >>> lessons = Lessons(tasks, ReaderSettings(batch=2))
        >>> [(batch[0].kind, len(batch)) for batch in (lessons.batch() for _ in range(6))]
        [('topic', 2), ('topic', 2), ('topic', 2), ('topic', 2), ('reading', 1), ('topic', 2)]
    """

    def __init__(self, tasks: Sequence[Task], settings: ReaderSettings, seed: int = 0) -> None:
        self._random = np.random.default_rng([seed, 23])
        self._batch = settings.batch
        self._own = {kind: [tasks[number] for number in numbers] for kind, numbers in by_kind(tasks).items()}
        self._queues: dict[str, list[int]] = {kind: [] for kind in self._own}
        self._round: list[str] = []
        self._rounds = 0
        self._given_up: set[str] = set()
        self.by_kind = {kind: Lesson(kind, len(own)) for kind, own in self._own.items()}

    @property
    def kinds(self) -> list[str]:
        """Kinds about structure that still have turns."""
        return [kind for kind in self._own if kind not in WITH_TEXT and kind not in self._given_up]

    def batch(self) -> list[Task]:
        """The next tasks to learn from."""
        if not self._round:
            due = [kind for kind in self._own if kind not in self._given_up]
            short = [kind for kind in due if kind not in _LONG]
            self._rounds += 1
            self._round = due if not short or self._rounds % _REST == 0 else short
        kind = self._round.pop(0)
        own, queue = self._own[kind], self._queues[kind]
        size = min(_fewer(kind, self._batch), len(own))
        if len(queue) < size:
            queue += self._random.permutation(len(own)).tolist()
        chosen, self._queues[kind] = queue[:size], queue[size:]
        return [own[number] for number in chosen]

    def spent(self, kind: str, cpu_seconds: float) -> None:
        """Counts a step."""
        had = self.by_kind[kind]
        self.by_kind[kind] = replace(had, steps=had.steps + 1, cpu_seconds=had.cpu_seconds + cpu_seconds)

    def slice(self, kind: str, most: int) -> list[Task]:
        """Tasks to try a kind with: some that it learns from."""
        own = self._own[kind]
        return [own[number] for number in np.sort(self._random.permutation(len(own))[: _fewer(kind, most)])]

    def tried(self, kind: str, trial: Trial) -> None:
        """Takes note of a trial; a kind that did not pass gets no more turns."""
        self.by_kind[kind] = replace(self.by_kind[kind], trial=trial)
        if not trial.passed:
            self._given_up.add(kind)
            self._round = [other for other in self._round if other not in self._given_up]


def _fewer(kind: str, most: int) -> int:
    return max(1, most // 2) if kind in _LONG else most
