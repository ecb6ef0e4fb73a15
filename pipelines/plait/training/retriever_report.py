"""What distilling a retriever came to, and whether that is worth keeping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.fusion.tokens.distillation import DistillationSettings
from plait.fusion.tokens.probing import paired_interval
from plait.retrievers.query_adapter import QueryAdapter

__all__ = ["FoundPassages", "RetrieverReport", "RetrieverRow", "decide"]

Interval = tuple[float, float, float]
_TOLERANCE = 0.01  # of nDCG@10


@dataclass(frozen=True, slots=True)
class FoundPassages:
    """What a retriever found for each question.

    Args:
        gold: the reader's mean log-likelihood of the answer per token, in nats, given each of the best passages by
            itself, shape (different questions, passages), best passage first.
        ndcg: nDCG@10 of the documents, shape (told questions,); None where no pair names any.
    """

    gold: NDArray[np.float64]
    ndcg: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class RetrieverRow:
    """Means over questions: likelihood of the answer given the best passage, given each of the best, and nDCG@10."""

    first: float
    best: float
    ndcg: float | None


@dataclass(frozen=True, slots=True)
class RetrieverReport:
    """What distilling a retriever came to.

    Means are over different questions, and every question is judged by an adapter that did not learn from it.

    Args:
        keep: whether the adapter should be used.
        reasons: why, or why not.
        rows: ``untrained``, without any adapter, whether one is in use or not; ``distilled``; and ``shuffled``,
            distilled from likelihoods that were dealt out at random among each question's passages.
        gain: distilled less untrained in ``best``, with its 95 % interval.
        beyond_shuffled: distilled less shuffled.
        ndcg: distilled less untrained in nDCG@10, or None where no pair names documents.
        questions: how many.
        told: how many of them name documents.
        unknown: documents that they name and the index lacks; nobody finds these.
        passages: how many of the best passages count.
        folds: parts that were held out in turn.
        scored: pairs of a question and a passage that the reader has read.
        cut: passages among these that were too long for the reader, and lost their ends.
        column: of the vectors that are searched.
        reader: the language model's name.
        seed: of folds, batches and control.
        settings: of the distillation.
        cpu_seconds: of the run.
        reading_cpu_seconds: of these, by the reader.
        adapter: the result, learnt from all questions.
    """

    keep: bool
    reasons: tuple[str, ...]
    rows: Mapping[str, RetrieverRow]
    gain: Interval
    beyond_shuffled: Interval
    ndcg: Interval | None
    questions: int
    told: int
    unknown: int
    passages: int
    folds: int
    scored: int
    cut: int
    column: str
    reader: str
    seed: int
    settings: DistillationSettings
    cpu_seconds: float
    reading_cpu_seconds: float
    adapter: QueryAdapter = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Everything but the adapter, as JSON."""
        found = {name: getattr(self, name) for name in self.__slots__ if name != "adapter"}
        return found | {
            "reasons": list(self.reasons),
            "rows": {name: asdict(row) for name, row in self.rows.items()},
            "gain": list(self.gain),
            "beyond_shuffled": list(self.beyond_shuffled),
            "ndcg": None if self.ndcg is None else list(self.ndcg),
            "settings": self.settings.model_dump(mode="json"),
        }


def row_of(found: FoundPassages) -> RetrieverRow:
    """Means over questions."""
    ndcg = None if found.ndcg is None else float(found.ndcg.mean())
    return RetrieverRow(float(found.gold[:, 0].mean()), float(found.gold.mean()), ndcg)


def decide(
    untrained: FoundPassages, distilled: FoundPassages, shuffled: FoundPassages, seed: int
) -> tuple[bool, tuple[str, ...], tuple[Interval, Interval, Interval | None]]:
    """Kept only if what it finds helps the reader more, beyond chance, and documents are found no worse.

    Returns:
        Whether to keep it, the reasons, and three differences with intervals: to the untrained retriever and to the
        control in what helps the reader, and to the untrained one in nDCG@10.
    """

    def above(others: FoundPassages) -> Interval:
        return paired_interval(_means(distilled), _means(others), seed=seed)

    gain, beyond, reasons = above(untrained), above(shuffled), list[str]()
    for name, (mean, low, high) in (("without an adapter", gain), ("by one from shuffled likelihoods", beyond)):
        verdict = "more" if low > 0 else "no more"
        reasons.append(
            f"what is found helps the reader {verdict} than {name}: {mean:+.4f} nats per token of the answer, 95 % "
            f"interval {low:+.4f} to {high:+.4f}"
        )
    keep, ndcg = gain[1] > 0 and beyond[1] > 0, None
    if distilled.ndcg is not None and untrained.ndcg is not None:
        ndcg = paired_interval(distilled.ndcg.tolist(), untrained.ndcg.tolist(), seed=seed)
        mean, low, high = ndcg
        worse = mean < -_TOLERANCE or high < 0
        keep = keep and not worse
        reasons.append(
            f"documents that hold the answer are found {'worse' if worse else 'no worse'}: nDCG@10 {mean:+.4f}, 95 % "
            f"interval {low:+.4f} to {high:+.4f}"
        )
    else:
        reasons.append(
            "no pair names documents: that is what the reader likes, and nobody has said whether it holds the answers"
        )
    return keep, tuple(reasons), (gain, beyond, ndcg)


def _means(found: FoundPassages) -> Sequence[float]:
    means: list[float] = found.gold.mean(axis=1).tolist()
    return means
