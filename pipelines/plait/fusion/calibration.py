"""Calibration: which weights the retrievers should have, on queries whose answers are known.

Three outcomes are possible, and written into the pipeline as plain settings. Equal weights are where it starts. Where
the best retriever alone finds more than all of them together, it stays alone. Weights from a small fixed grid are kept
only if, on queries that had no say in choosing them, they find more than that, beyond what chance may give.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from plait.config import Use, use
from plait.contracts import Hit, Query
from plait.contracts.errors import ConfigError
from plait.fusion.ranks import ScoreFusion, ScoresConfig

__all__ = ["Calibration", "Candidate", "calibrate"]

CUT = 10
"""Ranks that count."""
STEPS = (0.25, 0.5, 0.75, 1.0)
"""Weights tried for each retriever; the largest is always 1, as only their relation counts."""
FOLDS = 5
ERRORS = 2.0
"""Standard errors by which learnt weights must find more than those that need no learning."""

Runs = Mapping[str, Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One fusion with its settings, and its mean nDCG@10 on the calibration queries."""

    fusion: Use
    value: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What came out, and all that was tried, best first.

    Args:
        best: the candidate to use.
        why: why it is that one.
        legs: mean nDCG@10 of each retriever alone.
        tried: every candidate; with many and few queries the first of them was rather lucky than good.
        queries: how many queries had a say.
    """

    best: Candidate
    why: str
    legs: Mapping[str, float]
    tried: tuple[Candidate, ...]
    queries: int

    @property
    def gain(self) -> float:
        """By how much the best candidate beats the best retriever alone; never below 0."""
        return self.best.value - max(self.legs.values())


def calibrate(
    runs: Mapping[str, Runs],
    qrels: Mapping[str, Mapping[str, int]],
    replaced: Collection[str] = (),
    earned: Mapping[str, Mapping[str, float]] | None = None,
) -> Calibration:
    """Chooses weights for a pipeline's retrievers. Deterministic.

    Args:
        runs: query id -> retriever label -> hits, best first. The same labels for every query.
        qrels: query id -> document id -> relevance; queries without a relevant document are left out.
        replaced: labels of runs that another one stands in for. They are tried alone, and have weight 0 beside others.
        earned: query id -> label -> what a run counts where no setting gives it a weight; 1 where nothing is said.

    Raises:
        ConfigError: no query has both runs and a relevant document, or the labels differ between queries.

    Example:
        >>> good = [Hit("a#0", "a", 2.0, 0), Hit("b#0", "b", 1.0, 1)]
        >>> poor = [Hit("b#0", "b", 9.0, 1), Hit("a#0", "a", 1.0, 0)]
        >>> found = calibrate({"q": {"good": good, "poor": poor}}, {"q": {"a": 1}})
        >>> found.best.value, found.legs
        (1.0, {'good': 1.0, 'poor': 0.63093})
    """
    judged = {query: runs[query] for query in runs if any(grade > 0 for grade in qrels.get(query, {}).values())}
    labels = _labels(judged)
    legs = {label: _mean(_values({query: found[label] for query, found in judged.items()}, qrels)) for label in labels}
    candidates = list(_candidates(labels, replaced))
    values = np.empty((len(candidates), len(judged)))
    for number, candidate in enumerate(candidates):
        fusion = ScoreFusion(ScoresConfig(**candidate.settings))
        fused = {query: _fused(fusion, found, (earned or {}).get(query, {})) for query, found in judged.items()}
        values[number] = _values(fused, qrels)
    chosen, why = _chosen(values, len(labels))
    # Stable: among equals the one that was named first, which is the simplest.
    tried = sorted(map(Candidate, candidates, map(_mean, values)), key=lambda candidate: -candidate.value)
    return Calibration(Candidate(candidates[chosen], _mean(values[chosen])), why, legs, tuple(tried), len(judged))


def _chosen(values: NDArray[np.float64], legs: int) -> tuple[int, str]:
    """Which candidate to use, and why. ``values``: (candidates, queries), equal weights first, single legs last."""
    means = values.mean(axis=1)
    alone = len(values) - legs + int(np.argmax(means[-legs:]))
    plain, why = (0, "equal weights") if means[0] >= means[alone] else (alone, "one retriever finds more than all do")
    queries = np.arange(values.shape[1])
    unseen = np.empty(len(queries))
    for fold in range(FOLDS):
        mine = queries % FOLDS == fold
        if mine.any() and not mine.all():
            unseen[mine] = values[int(np.argmax(values[:, ~mine].mean(axis=1)))][mine]
    gains = unseen - values[plain]
    if len(queries) >= 2 * FOLDS and gains.mean() > ERRORS * gains.std(ddof=1) / math.sqrt(len(gains)):
        return int(np.argmax(means)), f"weights of a grid, {gains.mean():+.4f} on queries that had no say in them"
    return plain, why


_QUERY = Query("calibration")  # the fusions of this package read runs only


def _fused(fusion: ScoreFusion, runs: Runs, earned: Mapping[str, float]) -> Sequence[Hit]:
    """All hits of a query as its pipeline would fuse them."""
    given = {label: weight for label, weight in earned.items() if label not in fusion.weights}
    counting = {label: hits for label, hits in runs.items() if given.get(label, 1.0) > 0.0}
    weights = {label: weight for label, weight in given.items() if label in counting}
    return fusion.fuse_weighted(_QUERY, counting, _depth(counting), weights)


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
    """Equal weights first, then others, then each retriever alone."""
    silent = {label: 0.0 for label in labels if label in replaced}
    counting = [label for label in labels if label not in silent]
    yield use("scores", weights=silent) if silent else use("scores")
    for chosen in _weights(counting):
        yield use("scores", weights=chosen | silent)
    for alone in labels:
        yield use("scores", weights={label: float(label == alone) for label in labels})


def _weights(labels: Sequence[str]) -> Iterator[dict[str, float]]:
    for weights in product(reversed(STEPS), repeat=len(labels)):
        if max(weights) == 1.0:
            yield dict(zip(labels, weights, strict=True))


def _depth(found: Runs) -> int:
    """All hits: several passages of one document may stand before the tenth document."""
    return sum(len(hits) for hits in found.values())


def _values(ranked: Mapping[str, Sequence[Hit]], qrels: Mapping[str, Mapping[str, int]]) -> list[float]:
    return [_ndcg(hits, qrels[query]) for query, hits in ranked.items()]


def _mean(values: Sequence[float] | NDArray[np.float64]) -> float:
    return round(math.fsum(values) / len(values), 6)


def _ndcg(hits: Sequence[Hit], grades: Mapping[str, int]) -> float:
    """nDCG@10 over documents, each at the rank of its best passage; gains are grades, as in trec_eval."""
    documents = list(dict.fromkeys(hit.document_id for hit in hits))[:CUT]
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:CUT]
    return _gain([max(0, grades.get(document, 0)) for document in documents]) / _gain(ideal)


def _gain(grades: Sequence[int]) -> float:
    return math.fsum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))
