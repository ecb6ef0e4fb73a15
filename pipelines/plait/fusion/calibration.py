"""Calibration: which fusion, and which weights, on queries whose answers are known.

Every candidate of a small fixed grid is measured by nDCG@10 on the calibration queries; the best one is written into
the pipeline as plain settings. Weight 1 for one retriever and 0 for the others is a candidate too, so the outcome is
never below the best single retriever on these queries.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from plait.config import Use, use
from plait.contracts import Fusion, Hit, Query
from plait.contracts.errors import ConfigError
from plait.fusion.ranks import ReciprocalRank, ReciprocalRankConfig, Weighted, WeightedConfig

__all__ = ["Calibration", "Candidate", "calibrate"]

CUT = 10
"""Ranks that count."""
CONSTANTS = (20.0, 60.0)
STEPS = (0.25, 0.5, 0.75, 1.0)
"""Weights tried beside 1 for each retriever; the largest is always 1, as only their relation counts."""

Runs = Mapping[str, Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One fusion with its settings, and its mean nDCG@10 on the calibration queries."""

    fusion: Use
    value: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What came out: the best candidate, each retriever alone, and all that was tried, best first."""

    best: Candidate
    legs: Mapping[str, float]
    tried: tuple[Candidate, ...]
    queries: int

    @property
    def gain(self) -> float:
        """By how much the best candidate beats the best retriever alone; never below 0."""
        return self.best.value - max(self.legs.values())


def calibrate(
    runs: Mapping[str, Runs], qrels: Mapping[str, Mapping[str, int]], replaced: Collection[str] = ()
) -> Calibration:
    """Chooses fusion and weights for a pipeline's retrievers.

    Deterministic. With few queries the grid can fit their noise: keep the queries that you report on apart.

    Args:
        runs: query id -> retriever label -> hits, best first. The same labels for every query.
        qrels: query id -> document id -> relevance; queries without a relevant document are left out.
        replaced: labels of runs that another one stands in for. They are tried alone, and have weight 0 beside others.

    Raises:
        ConfigError: no query has both runs and a relevant document, or the labels differ between queries.

    Example:
        >>> good = [Hit("a#0", "a", 2.0, 0), Hit("b#0", "b", 1.0, 1)]
        >>> poor = [Hit("b#0", "b", 9.0, 1), Hit("a#0", "a", 8.0, 0)]
        >>> found = calibrate({"q": {"good": good, "poor": poor}}, {"q": {"a": 1}})
        >>> found.best.value, found.legs
        (1.0, {'good': 1.0, 'poor': 0.63093})
    """
    judged = {query: runs[query] for query in runs if any(grade > 0 for grade in qrels.get(query, {}).values())}
    labels = _labels(judged)
    legs = {label: _mean({query: found[label] for query, found in judged.items()}, qrels) for label in labels}
    tried = []
    for candidate in _candidates(labels, replaced):
        fusion = _build(candidate)
        fused = {query: fusion.fuse(_QUERY, found, _depth(found)) for query, found in judged.items()}
        tried.append(Candidate(candidate, _mean(fused, qrels)))
    # Stable: among equals the one that was named first, which is the simplest.
    tried.sort(key=lambda candidate: -candidate.value)
    return Calibration(tried[0], legs, tuple(tried), len(judged))


_QUERY = Query("calibration")  # the fusions of this package read runs only


def _labels(judged: Mapping[str, Runs]) -> list[str]:
    if not judged:
        raise ConfigError(
            "no query has a relevant document", where="calibration", fix="give judged queries and their runs"
        )
    labels = list(next(iter(judged.values())))
    for query, found in judged.items():
        if list(found) != labels:
            raise ConfigError(
                f"query {query!r} has runs of {', '.join(found)}, others of {', '.join(labels)}",
                where="calibration",
                fix="give the runs of the same retrievers for every query",
            )
    return labels


def _candidates(labels: Sequence[str], replaced: Collection[str]) -> Iterator[Use]:
    """Plain rrf first, then weights, then each retriever alone."""
    silent = {label: 0.0 for label in labels if label in replaced}
    counting = [label for label in labels if label not in silent]
    # A weight for every run, where some have none: a run without a weight has 1.
    yield use("rrf", weights=dict.fromkeys(counting, 1.0) | silent) if silent else use("rrf")
    for chosen in _weights(counting):
        weights = chosen | silent
        for constant in CONSTANTS:
            yield use("rrf", constant=constant, weights=weights)
        yield use("weighted", weights=weights)
        yield use("weighted", weights=weights, normalisation="z")
    for alone in labels:
        yield use("rrf", weights={label: float(label == alone) for label in labels})


def _weights(labels: Sequence[str]) -> Iterator[dict[str, float]]:
    for weights in product(reversed(STEPS), repeat=len(labels)):
        if max(weights) == 1.0:
            yield dict(zip(labels, weights, strict=True))


def _build(candidate: Use) -> Fusion:
    if candidate.name == "rrf":
        return ReciprocalRank(ReciprocalRankConfig(**candidate.settings))
    return Weighted(WeightedConfig(**candidate.settings))


def _depth(found: Runs) -> int:
    """All hits: several passages of one document may stand before the tenth document."""
    return sum(len(hits) for hits in found.values())


def _mean(ranked: Mapping[str, Sequence[Hit]], qrels: Mapping[str, Mapping[str, int]]) -> float:
    values = [_ndcg(hits, qrels[query]) for query, hits in ranked.items()]
    return round(math.fsum(values) / len(values), 6)


def _ndcg(hits: Sequence[Hit], grades: Mapping[str, int]) -> float:
    """nDCG@10 over documents, each at the rank of its best passage; gains are grades, as in trec_eval."""
    documents = list(dict.fromkeys(hit.document_id for hit in hits))[:CUT]
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:CUT]
    return _gain([max(0, grades.get(document, 0)) for document in documents]) / _gain(ideal)


def _gain(grades: Sequence[int]) -> float:
    return math.fsum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))
