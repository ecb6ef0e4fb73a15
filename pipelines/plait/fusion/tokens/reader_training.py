"""Teaches a language model that stays as it is to read structure, and says whether the result is worth keeping.

In tasks about structure the loss is the cross-entropy of the right choice among all, by their log-likelihoods (see
:func:`plait.fusion.tokens.probing.choice_scores`); in tasks with text, the negative log-likelihood of the answer per
token. Gradients pass through the model and reach what lets structure in alone: the projector of soft tokens, or the
weights between the encoder and the decoder of a Fusion-in-Decoder. Afterwards held-out tasks tell three things apart:
what structure says (``accuracy``), what any vectors of that size would have done (``shuffled``), and what the model
says anyway (``gate_off``, ``majority``); and tasks with text tell whether structure gets in its way.

Structural vectors are made of text and links. What the links add is told by another control, which doubles the time:
the same part taught as long with the documents' text vectors (``text``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from plait.contracts import Structural
from plait.contracts.errors import ConfigError, ModelError
from plait.fusion.tokens.answer_reader import StructureReader
from plait.fusion.tokens.lessons import Lesson, Lessons, ReaderSettings, Trial
from plait.fusion.tokens.probing import (
    Outcome,
    ReaderReport,
    beyond_text,
    choice_scores,
    decide,
    outcomes,
    paired_interval,
    probe_of,
    shuffled_documents,
    text_probe_of,
)
from plait.fusion.tokens.tasks import WITH_TEXT, Task, TaskSet, by_kind

__all__ = ["ReaderProgress", "Taught", "Untrained", "teach", "train_reader"]

Untrained = Callable[[int], StructureReader]
"""Makes a reader that is not trained yet, for structural vectors of a width."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class ReaderProgress:
    """One finished step: its number from 1, how many there are, the kind of its tasks, and its loss."""

    step: int
    steps: int
    kind: str
    loss: float


@dataclass(frozen=True, slots=True)
class Taught:
    """The losses of all steps, and what each kind of task got."""

    losses: tuple[float, ...]
    lessons: Mapping[str, Lesson]


def train_reader(
    untrained: Untrained,
    structural: Structural,
    tasks: TaskSet,
    settings: ReaderSettings | None = None,
    *,
    text: NDArray[np.float32] | None = None,
    seed: int = 0,
    progress: Callable[[ReaderProgress], None] | None = None,
    judging: Callable[[int, int], None] | None = None,
) -> ReaderReport:
    """Teaches a reader and judges it on held-out tasks.

    Args:
        untrained: makes the reader; the language model's weights do not change.
        structural: vectors of the graph's documents, in the order of its nodes.
        tasks: from :func:`plait.fusion.tokens.graph_tasks.make_tasks`; those of
            :func:`~plait.fusion.tokens.graph_tasks.answer_tasks` may be added to both parts.
        settings: how.
        text: text vectors of the same documents, shape (documents, dimension), for the control that has no links.
        seed: of the batches and the shuffled control.
        progress: called after every step.
        judging: called while held-out tasks are answered, with how many are and how many there are.

    Raises:
        ConfigError: no task about structure is left to train or to judge by.
        ModelError: training diverged, or the structural vectors do not fit the tasks.
    """
    settings = settings or ReaderSettings()
    start = time.process_time()
    train, held_out = ([task for task in part if _tied(task, structural)] for part in (tasks.train, tasks.held_out))
    left_out = len(tasks.train) + len(tasks.held_out) - len(train) - len(held_out)
    asked = [task for task in held_out if task.kind not in WITH_TEXT]
    read = [task for task in held_out if task.kind in WITH_TEXT]
    if not asked or all(task.kind in WITH_TEXT for task in train):
        raise ConfigError(
            f"of {len(tasks.train)} tasks to train with and {len(tasks.held_out)} to judge by, {left_out} are about "
            "documents without structure, and nothing is left to ask",
            where="reader training",
            fix="add documents whose references resolve, or encode the graph with more relations",
        )
    reader = untrained(structural.vectors.shape[1])
    taught = teach(reader, structural, train, settings, seed=seed, progress=progress)
    plain, only_text = reader, None if text is None else Structural(text, structural.has_structure)
    if only_text is not None:
        plain = untrained(only_text.vectors.shape[1])
        teach(plain, only_text, train, settings, seed=seed, progress=progress)
    begun = time.process_time()
    done, total = 0, (3 if only_text is None else 4) * len(asked) + 2 * len(read)

    def answered(tasks: Sequence[Task], given: Structural | None = None, by: StructureReader = reader) -> list[Outcome]:
        """With these vectors; without any the gate is off."""
        nonlocal done

        def shown(more: int) -> None:
            if judging is not None:
                judging(done + more, total)

        found = outcomes(by, tasks, given, progress=shown)
        done += len(tasks)
        return found

    own, others = answered(asked, structural), answered(asked, shuffled_documents(structural, asked, seed))
    without = answered(asked)
    by_text = None if only_text is None else answered(asked, only_text, plain)
    results = (own, others, without)
    kinds = {kind: probe_of(kind, asked, numbers, results, by_text) for kind, numbers in by_kind(asked).items()}
    margin = paired_interval([one.right for one in own], [one.right for one in others], seed=seed)
    above = paired_interval([one.right for one in own], [one.right for one in without], seed=seed)
    answers = text_probe_of(answered(read, structural), answered(read), seed) if read else None
    keep, reasons = decide(margin, above, answers, settings.tolerance)
    if by_text is not None:
        reasons = (*reasons, beyond_text([one.right for one in own], [one.right for one in by_text], seed))
    end = time.process_time()
    return ReaderReport(
        keep=keep,
        reasons=reasons,
        probe=probe_of("all", asked, range(len(asked)), results, by_text),
        kinds=kinds,
        margin=margin,
        answers=answers,
        lessons=taught.lessons,
        losses=taught.losses,
        left_out=left_out,
        gate=reader.gate,
        model=reader.name,
        seed=seed,
        settings=settings,
        cpu_seconds=end - start,
        judging_cpu_seconds=end - begun,
        reader=reader,
    )


def teach(
    reader: StructureReader,
    structural: Structural,
    tasks: Sequence[Task],
    settings: ReaderSettings,
    *,
    seed: int = 0,
    progress: Callable[[ReaderProgress], None] | None = None,
) -> Taught:
    """Teaches a reader, in place. Deterministic under a seed.

    Raises:
        ModelError: training diverged, or a task is about a document that has no vector.
    """
    nodes = max((node for task in tasks for node in task.documents), default=-1)
    if nodes >= len(structural.vectors):
        raise ModelError(
            f"a task is about document {nodes}, and there are {len(structural.vectors)} structural vectors",
            where="reader training",
            fix="make tasks and vectors from the same graph",
        )
    tied = sorted({node for task in tasks for node in task.documents if structural.has_structure[node]})
    reader.centre(structural.vectors[tied])
    optimiser = torch.optim.AdamW(reader.parameter_groups(settings))
    taught = [value for group in optimiser.param_groups for value in group["params"]]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    lessons, losses = Lessons(tasks, settings, seed), list[float]()
    tried = round(settings.trial * settings.steps) if len(lessons.kinds) > 1 and settings.trial < 1 else None
    for number in range(1, settings.steps + 1):
        start, batch = time.process_time(), lessons.batch()
        loss = _loss(reader, structural, batch, settings.negatives, [seed, 29, number])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        # Of length 1, so that Adam's averages weigh all kinds alike: the gradient of a title's words is many times that
        # of a choice between yes and no, and by itself keeps the latter from ever being learnt.
        gradients = [value.grad for value in taught if value.grad is not None]
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        if not bool(torch.isfinite(norm)):
            raise ModelError(
                f"the gradient is {norm.item()} in step {number} of {settings.steps}",
                where="reader training",
                fix="lower learning_rate",
            )
        for gradient in gradients:
            gradient /= norm.clamp(min=_TINY)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        lessons.spent(batch[0].kind, time.process_time() - start)
        if progress is not None:
            progress(ReaderProgress(number, settings.steps, batch[0].kind, losses[-1]))
        if number == tried:
            for kind in lessons.kinds:
                some = lessons.slice(kind, settings.trial_tasks)
                lessons.tried(kind, _trial(reader, structural, some, number, seed))
            if not lessons.kinds:
                break  # nothing was learnt by now; the rest would only move tokens that say nothing
    return Taught(tuple(losses), dict(lessons.by_kind))


def _loss(
    reader: StructureReader,
    structural: Structural,
    batch: Sequence[Task],
    negatives: int,
    seed: Sequence[int],
) -> torch.Tensor:
    """A mean over tasks of one kind."""
    random = np.random.default_rng(seed)
    contrasted = batch[0].kind not in WITH_TEXT
    answers = []  # the target first
    for task in batch:
        own = reader.answers([task.target, *(task.distractors if contrasted else ())])
        if len({tokens[:-1] for tokens in own}) > 1 + negatives:
            own = [own[0], *(own[1 + other] for other in random.permutation(len(own) - 1)[:negatives])]
        answers.append(own)
    tables = reader.log_likelihoods(batch, answers, structural)
    if contrasted:
        scored = (choice_scores(*each) for each in zip(batch, tables, answers, strict=True))
        parts = [-torch.log_softmax(scores, dim=0)[0] for scores in scored]
    else:
        parts = [-table.sum() / len(own[0]) for own, table in zip(answers, tables, strict=True)]
    return torch.stack(parts).mean()


def _trial(reader: StructureReader, structural: Structural, tasks: Sequence[Task], step: int, seed: int) -> Trial:
    own = outcomes(reader, tasks, structural)
    others = outcomes(reader, tasks, shuffled_documents(structural, tasks, seed))
    gains = np.array([a.likelihood - b.likelihood for a, b in zip(own, others, strict=True)])
    # One task alone says nothing of chance.
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    return Trial(step, len(tasks), float(np.mean([one.right for one in own])), float(gains.mean()), error)


def _tied(task: Task, structural: Structural) -> bool:
    """Whether soft tokens can say anything about it; with text beside them, one of its documents is enough."""
    has = [bool(structural.has_structure[node]) for node in task.documents]
    return any(has) if task.kind in WITH_TEXT else all(has)
