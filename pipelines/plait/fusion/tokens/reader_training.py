"""Trains a projector for a language model that stays as it is, and says whether the result is worth keeping.

In tasks about structure the loss is the cross-entropy of the right choice among all, by their log-likelihoods (see
:func:`plait.fusion.tokens.probing.choice_scores`); in tasks with text, the negative log-likelihood of the answer per
token. Gradients pass through the prompt's embeddings and reach the projector alone. Afterwards held-out tasks tell
three things apart: what the soft tokens say (``accuracy``), what any token of that size would have done
(``shuffled``), and what the model says anyway (``gate_off``, ``majority``); and tasks with text tell whether soft
tokens get in its way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from pydantic import Field

from plait.config import Settings
from plait.contracts.errors import ConfigError, ModelError
from plait.fusion.tokens.frozen import FrozenReader
from plait.fusion.tokens.probing import (
    Outcome,
    Probe,
    by_kind,
    choice_scores,
    majority,
    outcomes,
    paired_interval,
    shuffled_documents,
    task_offsets,
)
from plait.fusion.tokens.projector import MOST_TOKENS, Projector
from plait.fusion.tokens.tasks import Task, TaskSet
from plait.generators.causal import CausalModel
from plait.gnn.encoding import Structural

__all__ = ["Answers", "ReaderProgress", "ReaderReport", "ReaderSettings", "train_projector", "train_reader"]

_WITH_TEXT = ("reading", "answer")


class ReaderSettings(Settings):
    """How a projector is trained, and when it is kept."""

    soft_tokens: int = Field(default=1, ge=1, le=MOST_TOKENS)
    """Soft tokens per passage."""
    hidden: int = Field(default=256, ge=1)
    """Width of the projector's hidden layer."""
    steps: int = Field(default=120, ge=1)
    """Steps of AdamW."""
    batch: int = Field(default=8, ge=1)
    """Tasks per step, all of one kind."""
    learning_rate: float = Field(default=1e-2, gt=0.0)
    """Of the projector's matrices; it falls to nothing along half a cosine."""
    gate_rate: float = Field(default=0.1, gt=0.0)
    """Of the gate, likewise."""
    weight_decay: float = Field(default=0.01, ge=0.0)
    """Of the projector's matrices."""
    negatives: int = Field(default=3, ge=1)
    """Most wrong answers that a step scores for a task whose choices have to be read one by one. Where they part with
    their last token, as single words do, all are scored at the price of one."""
    tolerance: float = Field(default=0.02, ge=0.0)
    """Answers count as worse when they lose more than so much accuracy, or so many nats per token."""


@dataclass(frozen=True, slots=True)
class ReaderProgress:
    """One finished step: its number from 1, how many there are, the kind of its tasks, and its loss."""

    step: int
    steps: int
    kind: str
    loss: float


@dataclass(frozen=True, slots=True)
class Answers:
    """Held-out tasks whose passages have text, with soft tokens and with the gate off.

    Args:
        tasks: how many.
        accuracy: share of right choices with soft tokens; tasks without wrong answers count as right.
        accuracy_gate_off: with the gate off.
        likelihood: mean log-likelihood of the right answer per token, in nats, with soft tokens.
        likelihood_gate_off: with the gate off.
        interval: 95 % interval of the difference of the two likelihoods.
    """

    tasks: int
    accuracy: float
    accuracy_gate_off: float
    likelihood: float
    likelihood_gate_off: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ReaderReport:
    """What training a reader came to.

    Args:
        keep: whether the projector should be used.
        reasons: why, or why not.
        probe: all held-out tasks about structure together; ``kinds`` has them apart.
        kinds: by kind of task.
        margin: accuracy less that of the shuffled control, and its 95 % interval.
        answers: tasks with text, or None where there were none.
        losses: of all steps.
        left_out: tasks about documents without structure, which are not asked: their tokens are zeros by design.
        gate: tanh of the gate at the end.
        model: the language model.
        seed: of the run.
        settings: of the run.
        cpu_seconds: of the run.
        projector: the result.
    """

    keep: bool
    reasons: tuple[str, ...]
    probe: Probe
    kinds: Mapping[str, Probe]
    margin: tuple[float, float, float]
    answers: Answers | None
    losses: tuple[float, ...]
    left_out: int
    gate: float
    model: str
    seed: int
    settings: ReaderSettings
    cpu_seconds: float
    projector: Projector = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Everything but the projector, as JSON."""
        found = {name: getattr(self, name) for name in self.__slots__ if name != "projector"}
        return found | {
            "reasons": list(self.reasons),
            "probe": asdict(self.probe),
            "kinds": {kind: asdict(probe) for kind, probe in self.kinds.items()},
            "margin": list(self.margin),
            "answers": None
            if self.answers is None
            else asdict(self.answers) | {"interval": list(self.answers.interval)},
            "losses": list(self.losses),
            "settings": self.settings.model_dump(mode="json"),
        }


def train_reader(
    model: CausalModel,
    structural: Structural,
    tasks: TaskSet,
    settings: ReaderSettings | None = None,
    *,
    seed: int = 0,
    progress: Callable[[ReaderProgress], None] | None = None,
) -> ReaderReport:
    """Trains a projector and judges it on held-out tasks.

    Args:
        model: the language model; its weights do not change.
        structural: vectors of the graph's documents, in the order of its nodes.
        tasks: from :func:`plait.fusion.tokens.tasks.make_tasks`; those of
            :func:`~plait.fusion.tokens.tasks.answer_tasks` may be added to both parts.
        settings: how.
        seed: of the weights, the batches and the shuffled control.
        progress: called after every step.

    Raises:
        ConfigError: no task about structure is left to train or to judge by.
        ModelError: training diverged, or the structural vectors do not fit the tasks.
    """
    settings = settings or ReaderSettings()
    start = time.process_time()
    train, held_out = ([task for task in part if _tied(task, structural)] for part in (tasks.train, tasks.held_out))
    left_out = len(tasks.train) + len(tasks.held_out) - len(train) - len(held_out)
    asked = [task for task in held_out if task.kind not in _WITH_TEXT]
    read = [task for task in held_out if task.kind in _WITH_TEXT]
    if not asked or all(task.kind in _WITH_TEXT for task in train):
        raise ConfigError(
            f"of {len(tasks.train)} tasks to train with and {len(tasks.held_out)} to judge by, {left_out} are about "
            "documents without structure, and nothing is left to ask",
            where="reader training",
            fix="add documents whose references resolve, or encode the graph with more relations",
        )
    reader = FrozenReader(model, settings.soft_tokens)
    projector, losses = train_projector(reader, structural, train, settings, seed=seed, progress=progress)
    with_tokens = outcomes(reader, asked, projector, structural)
    with_others = outcomes(reader, asked, projector, shuffled_documents(structural, asked, seed))
    without = outcomes(reader, asked)
    kinds = {
        kind: _probe(kind, asked, numbers, (with_tokens, with_others, without))
        for kind, numbers in by_kind(asked).items()
    }
    probe = _probe("all", asked, range(len(asked)), (with_tokens, with_others, without))
    margin = paired_interval([one.right for one in with_tokens], [one.right for one in with_others], seed=seed)
    above = paired_interval([one.right for one in with_tokens], [one.right for one in without], seed=seed)
    answers = _answers(outcomes(reader, read, projector, structural), outcomes(reader, read), seed) if read else None
    keep, reasons = _decide(margin, above, answers, settings.tolerance)
    return ReaderReport(
        keep=keep,
        reasons=reasons,
        probe=probe,
        kinds=kinds,
        margin=margin,
        answers=answers,
        losses=tuple(losses),
        left_out=left_out,
        gate=float(torch.tanh(projector.gate.detach())),
        model=reader.space.model,
        seed=seed,
        settings=settings,
        cpu_seconds=time.process_time() - start,
        projector=projector,
    )


def train_projector(
    reader: FrozenReader,
    structural: Structural,
    tasks: Sequence[Task],
    settings: ReaderSettings,
    *,
    seed: int = 0,
    progress: Callable[[ReaderProgress], None] | None = None,
) -> tuple[Projector, list[float]]:
    """Trains a projector and returns it with the losses of all steps. Deterministic under a seed.

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
    projector = Projector(
        structural.vectors.shape[1], reader.space, k=settings.soft_tokens, hidden=settings.hidden, seed=seed
    ).to(reader.device)
    matrices = [value for name, value in projector.named_parameters() if name != "gate"]
    optimiser = torch.optim.AdamW(
        [
            {"params": matrices, "lr": settings.learning_rate, "weight_decay": settings.weight_decay},
            {"params": [projector.gate], "lr": settings.gate_rate, "weight_decay": 0.0},
        ]
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    losses: list[float] = []
    projector.train()
    for number, batch in enumerate(_batches(tasks, settings, seed), start=1):
        loss = _loss(reader, projector, structural, batch, settings.negatives, [seed, 29, number])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = torch.nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
        if not bool(torch.isfinite(norm)):
            raise ModelError(
                f"the gradient is {norm.item()} in step {number} of {settings.steps}",
                where="reader training",
                fix="lower learning_rate",
            )
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if progress is not None:
            progress(ReaderProgress(number, settings.steps, batch[0].kind, losses[-1]))
    return projector.eval(), losses


def _loss(
    reader: FrozenReader,
    projector: Projector,
    structural: Structural,
    batch: Sequence[Task],
    negatives: int,
    seed: Sequence[int],
) -> torch.Tensor:
    """A mean over tasks of one kind."""
    random = np.random.default_rng(seed)
    contrasted = batch[0].kind not in _WITH_TEXT
    answers = []  # the target first
    for task in batch:
        own = reader.answers([task.target, *(task.distractors if contrasted else ())])
        if len({tokens[:-1] for tokens in own}) > 1 + negatives:
            own = [own[0], *(own[1 + other] for other in random.permutation(len(own) - 1)[:negatives])]
        answers.append(own)
    prompts = [reader.prompt(task.messages) for task in batch]
    tables = reader.log_likelihoods(prompts, answers, task_offsets(projector, structural, batch))
    if contrasted:
        scored = (choice_scores(*each) for each in zip(batch, tables, answers, strict=True))
        parts = [-torch.log_softmax(scores, dim=0)[0] for scores in scored]
    else:
        parts = [-table.sum() / len(own[0]) for own, table in zip(answers, tables, strict=True)]
    return torch.stack(parts).mean()


def _batches(tasks: Sequence[Task], settings: ReaderSettings, seed: int) -> Iterator[list[Task]]:
    """Kinds in turn, so that none drowns the others; within a kind, all tasks before any comes again."""
    random = np.random.default_rng([seed, 23])
    kinds = list(by_kind(tasks).values())
    queues: list[list[int]] = [[] for _ in kinds]
    for step in range(settings.steps):
        turn = step % len(kinds)
        size = min(settings.batch, len(kinds[turn]))
        if len(queues[turn]) < size:
            queues[turn] += random.permutation(kinds[turn]).tolist()
        batch, queues[turn] = queues[turn][:size], queues[turn][size:]
        yield [tasks[number] for number in batch]


def _tied(task: Task, structural: Structural) -> bool:
    """Whether soft tokens can say anything about it; with text beside them, one of its documents is enough."""
    has = [bool(structural.has_structure[node]) for node in task.documents]
    return any(has) if task.kind in _WITH_TEXT else all(has)


def _probe(kind: str, tasks: Sequence[Task], numbers: Sequence[int], results: Sequence[Sequence[Outcome]]) -> Probe:
    own = [tasks[number] for number in numbers]
    accuracy, shuffled, gate_off = (float(np.mean([found[number].right for number in numbers])) for found in results)
    # Of several kinds together one may answer each kind's favourite.
    same = by_kind(own)
    best = sum(majority([own[number] for number in part]) * len(part) for part in same.values()) / len(own)
    chance = float(np.mean([1 / len(task.choices) for task in own]))
    return Probe(kind, len(own), accuracy, shuffled, gate_off, best, chance)


def _answers(given: Sequence[Outcome], gate_off: Sequence[Outcome], seed: int) -> Answers:
    likelihoods = [[one.likelihood for one in part] for part in (given, gate_off)]
    _, low, high = paired_interval(*likelihoods, seed=seed)
    return Answers(
        len(given),
        float(np.mean([one.right for one in given])),
        float(np.mean([one.right for one in gate_off])),
        float(np.mean(likelihoods[0])),
        float(np.mean(likelihoods[1])),
        (low, high),
    )


def _decide(
    margin: tuple[float, float, float], above: tuple[float, float, float], answers: Answers | None, tolerance: float
) -> tuple[bool, tuple[str, ...]]:
    """Kept only if soft tokens beat others' tokens and none at all, beyond chance, and answers do not get worse."""
    reasons = []
    for name, (mean, low, high) in (("tokens of other documents", margin), ("no tokens", above)):
        verdict = "beat" if low > 0 else "do not beat"
        reasons.append(f"soft tokens {verdict} {name}: accuracy {mean:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")
    good = margin[1] > 0 and above[1] > 0
    if answers is not None:
        accuracy = answers.accuracy - answers.accuracy_gate_off
        likelihood = answers.likelihood - answers.likelihood_gate_off
        worse = accuracy < -tolerance or likelihood < -tolerance
        good = good and not worse
        reasons.append(
            f"answers from text {'get worse' if worse else 'do not get worse'}: accuracy {accuracy:+.3f}, "
            f"log-likelihood {likelihood:+.3f} nats per token"
        )
    return good, tuple(reasons)
