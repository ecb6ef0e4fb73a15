"""What an evaluation found: values per query, means with intervals, comparisons, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plait.evaluation.retrieval.coherence import Coherence
from plait.evaluation.retrieval.runs import Run
from plait.evaluation.statistics.significance import Interval

__all__ = ["Comparison", "Evaluation", "SystemScores"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One system against another on the same queries: difference, and two paired tests' p values.

    ``p_randomisation`` is None for figures that are no mean over the same queries: there values cannot be swapped.
    """

    baseline: str
    difference: float
    p_randomisation: float | None
    p_bootstrap: float

    @property
    def p(self) -> float:
        """The p value to show: of the randomisation test where it applies."""
        return self.p_bootstrap if self.p_randomisation is None else self.p_randomisation


@dataclass(frozen=True, slots=True)
class SystemScores:
    """One leg, or their fusion.

    Args:
        label: the retriever's label, or ``fused``.
        run: its rankings of documents.
        values: measure -> query -> value.
        intervals: measure -> mean with its 95 % bootstrap interval.
        against: measure -> comparison with the leg that is best by that measure; the best leg itself has none.
        search_ms: mean CPU milliseconds per query, encoding left out where ``encode_ms`` is known.
        encode_ms: mean CPU milliseconds of encoding a query; None where it could not be told apart.
    """

    label: str
    run: Run
    values: Mapping[str, Mapping[str, float]]
    intervals: Mapping[str, Interval]
    against: Mapping[str, Comparison]
    search_ms: float | None = None
    encode_ms: float | None = None

    def mean(self, measure: str) -> float:
        """The mean over all judged queries."""
        return self.intervals[measure].mean


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Legs and fused list of one pipeline on one split of a collection.

    Args:
        collection: name, path as given, split, and counts.
        measures: what was measured, in order.
        legs: label -> scores, in the pipeline's order.
        fused: the fused (and reranked) list, as a user of the pipeline gets it.
        queries: how many queries the means are over.
        refused: queries that could not be asked, and why; they count 0.
        notes: what a reader of the figures should know, such as judged documents that are not in the corpus.
        settings: depth, seed, resamples, pipeline and so on.
        environment: versions and threads.
        coherence: label -> whether what was found first belongs together; empty where no document cites another.
    """

    collection: Mapping[str, Any]
    measures: tuple[str, ...]
    legs: Mapping[str, SystemScores]
    fused: SystemScores
    queries: int
    refused: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    coherence: Mapping[str, Coherence] = field(default_factory=dict)

    @property
    def systems(self) -> tuple[SystemScores, ...]:
        """The legs, then the fused list."""
        return (*self.legs.values(), self.fused)

    def best_leg(self, measure: str) -> SystemScores:
        """The leg of highest mean; the first among equals."""
        return max(self.legs.values(), key=lambda leg: leg.mean(measure))
