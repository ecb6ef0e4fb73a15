"""What training a reader came to, and whether that is worth keeping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from plait.fusion.tokens.lessons import Lesson
from plait.fusion.tokens.probing import Outcome, Probe, by_kind, majority, paired_interval
from plait.fusion.tokens.reader_settings import ReaderSettings
from plait.fusion.tokens.structure_reader import StructureReader
from plait.fusion.tokens.tasks import Task

__all__ = ["Answers", "ReaderReport", "answers_of", "beyond_text", "decide", "probe_of"]


@dataclass(frozen=True, slots=True)
class Answers:
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
    answers: Answers | None
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
            "reasons": list(self.reasons),
            "probe": asdict(self.probe),
            "kinds": {kind: asdict(probe) for kind, probe in self.kinds.items()},
            "margin": list(self.margin),
            "answers": None
            if self.answers is None
            else asdict(self.answers) | {"interval": list(self.answers.interval)},
            "lessons": {kind: asdict(lesson) for kind, lesson in self.lessons.items()},
            "losses": list(self.losses),
            "settings": self.settings.model_dump(mode="json"),
        }


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


def answers_of(given: Sequence[Outcome], gate_off: Sequence[Outcome], seed: int) -> Answers:
    """Tasks with text, answered with structure and without."""
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


def beyond_text(structure: Sequence[float], text: Sequence[float], seed: int) -> str:
    """What links add to text, in words; it decides nothing, for text vectors are let in by no pipeline."""
    mean, low, high = paired_interval(structure, text, seed=seed)
    verdict = "tell more than" if low > 0 else "tell less than" if high < 0 else "tell no more than"
    return f"structural vectors {verdict} text vectors: accuracy {mean:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}"


def decide(
    margin: tuple[float, float, float], above: tuple[float, float, float], answers: Answers | None, tolerance: float
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
