"""What all rank fusions share: shares become sums, sums become an order, strands explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plait.contracts import Hit, Strand
from plait.contracts.errors import ConfigError
from plait.fusion.ranks.guard import Guard

__all__ = ["active", "merge"]


def active(
    runs: Mapping[str, Sequence[Hit]], weights: Mapping[str, float], guard: Guard | None
) -> dict[str, tuple[Sequence[Hit], float]]:
    """The runs that count, each with its weight (1 where none is set).

    A run of weight 0 is left out altogether, so that what only it found does not come back at the end of the list.
    If the guard names a fallback, only that run is left.

    Raises:
        ConfigError: a weight or the guard names a retriever that is not in the pipeline.
    """
    for label in (*weights, *(guard.legs if guard else ())):
        if label not in runs:
            raise ConfigError(
                f"the fusion names a retriever {label!r} that this pipeline does not have",
                where="pipeline: fusion",
                choices=runs,
                fix="name one of these, or calibrate again",
            )
    fallback = guard.fallback if guard else None
    if fallback is not None:
        return {fallback: (runs[fallback], 1.0)}
    weighted = {label: (hits, weights.get(label, 1.0)) for label, hits in runs.items()}
    return {label: (hits, weight) for label, (hits, weight) in weighted.items() if weight > 0}


def merge(runs: Mapping[str, Sequence[Hit]], shares: Mapping[str, Sequence[float]], k: int) -> list[Hit]:
    """Sums the shares of each passage and keeps the k highest sums.

    Args:
        runs: hits of each retriever, best first.
        shares: for each run, what each of its hits adds to the fused score.
        k: how many hits to keep.

    Returns:
        Hits whose strands hold each run's rank, raw score and share, and whose score is exactly the sum of these
        shares. Equal sums keep the order in which the runs first name them.

    Example:
        >>> runs = {"a": [Hit("x", "d", 9.0, 0)], "b": [Hit("y", "e", 0.5, 1), Hit("x", "d", 0.1, 0)]}
        >>> [(hit.passage_id, hit.score) for hit in merge(runs, {"a": [1.0], "b": [0.75, 0.5]}, k=2)]
        [('x', 1.5), ('y', 0.75)]
    """
    sums: dict[str, float] = {}
    firsts: dict[str, Hit] = {}
    for label, hits in runs.items():
        for hit, share in zip(hits, shares[label], strict=True):
            sums[hit.passage_id] = sums.get(hit.passage_id, 0.0) + share
            firsts.setdefault(hit.passage_id, hit)
    best = sorted(sums, key=sums.__getitem__, reverse=True)[:k]
    # Strands only for what is handed on: they cost more than the sums.
    strands: dict[str, list[Strand]] = {passage_id: [] for passage_id in best}
    for label, hits in runs.items():
        for rank, (hit, share) in enumerate(zip(hits, shares[label], strict=True), start=1):
            if hit.passage_id in strands:
                strands[hit.passage_id].append(Strand(label, rank, hit.score, share))
    return [
        Hit(i, firsts[i].document_id, sums[i], firsts[i].row, tuple(strands[i]))  # i: passage id
        for i in best
    ]
