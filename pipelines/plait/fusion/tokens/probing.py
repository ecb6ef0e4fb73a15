"""What structure tells a frozen model: accuracy on tasks, beside the controls that such a claim needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.fusion.tokens.structure_reader import StructureReader
from plait.fusion.tokens.tasks import Task
from plait.gnn.encoding import Structural

__all__ = [
    "Outcome",
    "Probe",
    "by_kind",
    "choice_scores",
    "majority",
    "outcomes",
    "paired_interval",
    "shuffled_documents",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one task went: whether the target was the most likely choice, and its log-likelihood per token."""

    right: bool
    likelihood: float


@dataclass(frozen=True, slots=True)
class Probe:
    """Held-out tasks of one kind.

    Args:
        kind: of the tasks.
        tasks: how many.
        accuracy: with structure.
        shuffled: with other documents' vectors.
        gate_off: with none.
        majority: of always giving the answer that is most often right.
        chance: of guessing.
        text: of the same part taught with text vectors, where that control was asked for.
    """

    kind: str
    tasks: int
    accuracy: float
    shuffled: float
    gate_off: float
    majority: float
    chance: float
    text: float | None = None


def outcomes(
    reader: StructureReader,
    tasks: Sequence[Task],
    structure: Structural | None = None,
    *,
    batch: int = 16,
    progress: Callable[[int], None] | None = None,
) -> list[Outcome]:
    """Gives every task to the model; without structure it stays the plain model.

    The answer is the choice of the highest score, see :func:`choice_scores`, and the first among equals. ``progress``
    is called with how many tasks are done.
    """
    found: list[Outcome] = []
    with torch.inference_mode():
        for start in range(0, len(tasks), batch):
            part = tasks[start : start + batch]
            answers = [reader.answers(task.choices) for task in part]
            tables = reader.log_likelihoods(part, answers, structure)
            for task, own, table in zip(part, answers, tables, strict=True):
                target = task.choices.index(task.target)
                right = int(choice_scores(task, table, own).argmax()) == target
                found.append(Outcome(right, float(table[target].sum()) / len(own[target])))
            if progress is not None:
                progress(len(found))
    return found


def choice_scores(task: Task, table: Tensor, answers: Sequence[Sequence[int]]) -> Tensor:
    """What choices are compared by, shape (choices,), from their tokens' log-likelihoods (choices, tokens).

    Labels are compared by their total log-likelihood, as a generator does that is given choices. Titles are compared
    per token: they differ by tens of nats in how long and how common they are, which drowns what is said about them.
    """
    totals = table.sum(dim=1)
    if task.kind not in ("cited_title", "reading"):
        return totals
    return totals / torch.tensor([len(answer) for answer in answers], dtype=totals.dtype, device=totals.device)


def shuffled_documents(structure: Structural, tasks: Sequence[Task], seed: int) -> Structural:
    """The control: the vectors of the tasks' documents change places, so that hardly any document has its own."""
    nodes = np.unique([node for task in tasks for node in task.documents]).astype(np.int64)
    # A cycle through all of them in random order leaves none in its place.
    order = nodes[np.random.default_rng([seed, 17]).permutation(len(nodes))]
    vectors, has = structure.vectors.copy(), structure.has_structure.copy()
    vectors[order], has[order] = structure.vectors[np.roll(order, 1)], structure.has_structure[np.roll(order, 1)]
    return Structural(vectors, has)


def majority(tasks: Sequence[Task]) -> float:
    """Accuracy of the best answer that never looks: the most common target, as far as it is among the choices."""
    counts = Counter(task.target for task in tasks)
    return max(counts.values()) / len(tasks)


def paired_interval(
    first: Sequence[float], second: Sequence[float], *, seed: int = 0, samples: int = 2_000
) -> tuple[float, float, float]:
    """The mean difference and its 95 % interval by paired bootstrap over tasks."""
    difference: NDArray[np.float64] = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    random = np.random.default_rng([seed, 19])
    means = difference[random.integers(0, len(difference), (samples, len(difference)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975)).tolist()
    return float(difference.mean()), low, high


def by_kind(tasks: Sequence[Task]) -> Mapping[str, list[int]]:
    """Numbers of the tasks of each kind, in the order in which kinds first occur."""
    found: dict[str, list[int]] = {}
    for number, task in enumerate(tasks):
        found.setdefault(task.kind, []).append(number)
    return found
