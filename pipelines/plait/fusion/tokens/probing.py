"""What structure tells a frozen model: accuracy on held-out tasks beside the controls that such a claim needs.

And the rule by which what was taught is kept: see :func:`decide`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.contracts import Structural
from plait.fusion.tokens.answer_reader import StructureReader
from plait.fusion.tokens.lessons import Lesson, ReaderSettings
from plait.fusion.tokens.tasks import Task, by_kind

__all__ = [
    "Outcome",
    "Probe",
    "ReaderReport",
    "TextProbe",
    "beyond_text",
    "choice_scores",
    "decide",
    "majority",
    "outcomes",
    "paired_interval",
    "probe_of",
    "shuffled_documents",
    "text_probe_of",
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


@dataclass(frozen=True, slots=True)
class TextProbe:
    """Held-out tasks whose passages have text, with structure and with the gate off.

    Args:
        tasks: how many.
        accuracy: share of right choices with structure; tasks without wrong answers count as right.
        accuracy_gate_off: with the gate off.
        likelihood: mean log-likelihood of the right answer per token, in nats, with structure.
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
        keep: whether what was taught should be used.
        reasons: why, or why not.
        probe: all held-out tasks about structure together; ``kinds`` has them apart.
        kinds: by kind of task, those that were given up on the way among them.
        margin: accuracy less that of the shuffled control, and its 95 % interval.
        answers: tasks with text, or None where there were none.
        lessons: by kind, what it was taught with, what that cost, and how its trial went.
        losses: of all steps.
        left_out: tasks about documents without structure, which are not asked: their tokens are zeros by design.
        gate: tanh of the gate at the end; None where structure is let in by weights alone.
        model: the language model.
        seed: of the run.
        settings: of the run.
        cpu_seconds: of the run.
        judging_cpu_seconds: of these, on held-out tasks.
        reader: the result.
    """

    keep: bool
    reasons: tuple[str, ...]
    probe: Probe
    kinds: Mapping[str, Probe]
    margin: tuple[float, float, float]
    answers: TextProbe | None
    lessons: Mapping[str, Lesson]
    losses: tuple[float, ...]
    left_out: int
    gate: float | None
    model: str
    seed: int
    settings: ReaderSettings
    cpu_seconds: float
    judging_cpu_seconds: float
    reader: StructureReader = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Everything but the reader, as JSON."""
        found = {name: getattr(self, name) for name in self.__slots__ if name != "reader"}
        return found | {
            "probe": asdict(self.probe),
            "kinds": {kind: asdict(probe) for kind, probe in self.kinds.items()},
            "answers": None if self.answers is None else asdict(self.answers),
            "lessons": {kind: asdict(lesson) for kind, lesson in self.lessons.items()},
            "settings": self.settings.model_dump(mode="json"),
        }


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


def probe_of(
    kind: str,
    tasks: Sequence[Task],
    numbers: Sequence[int],
    results: tuple[Sequence[Outcome], Sequence[Outcome], Sequence[Outcome]],
    by_text: Sequence[Outcome] | None = None,
) -> Probe:
    """Some of the tasks, answered with their own vectors, with those of other documents, with none; by text vectors."""
    own = [tasks[number] for number in numbers]

    def share(found: Sequence[Outcome]) -> float:
        return float(np.mean([found[number].right for number in numbers]))

    accuracy, shuffled, gate_off = map(share, results)
    text = None if by_text is None else share(by_text)
    # Of several kinds together one may answer each kind's favourite.
    same = by_kind(own)
    best = sum(majority([own[number] for number in part]) * len(part) for part in same.values()) / len(own)
    chance = float(np.mean([1 / len(task.choices) for task in own]))
    return Probe(kind, len(own), accuracy, shuffled, gate_off, best, chance, text)


def text_probe_of(given: Sequence[Outcome], gate_off: Sequence[Outcome], seed: int) -> TextProbe:
    """Tasks with text, answered with structure and without."""
    likelihoods = [[one.likelihood for one in part] for part in (given, gate_off)]
    _, low, high = paired_interval(*likelihoods, seed=seed)
    return TextProbe(
        len(given),
        float(np.mean([one.right for one in given])),
        float(np.mean([one.right for one in gate_off])),
        float(np.mean(likelihoods[0])),
        float(np.mean(likelihoods[1])),
        (low, high),
    )


def beyond_text(structure: Sequence[float], text: Sequence[float], seed: int) -> str:
    """What links add to text, in words; it decides nothing, for text vectors are let in by no pipeline."""
    mean, low, high = paired_interval(structure, text, seed=seed)
    verdict = "tell more than" if low > 0 else "tell less than" if high < 0 else "tell no more than"
    return f"structural vectors {verdict} text vectors: accuracy {mean:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}"


def decide(
    margin: tuple[float, float, float], above: tuple[float, float, float], answers: TextProbe | None, tolerance: float
) -> tuple[bool, tuple[str, ...]]:
    """Kept only if structural vectors beat others' and none at all, beyond chance, and answers do not get worse."""
    reasons = []
    for name, (mean, low, high) in (("those of other documents", margin), ("none", above)):
        verdict = "beat" if low > 0 else "do not beat"
        reasons.append(
            f"structural vectors {verdict} {name}: accuracy {mean:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}"
        )
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
