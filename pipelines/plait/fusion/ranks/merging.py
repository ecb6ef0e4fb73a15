"""What all rank fusions share: shares become sums, sums become an order, strands explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plait.contracts import Hit, Strand
from plait.contracts.errors import ConfigError
from plait.fusion.ranks.guard import Guard

__all__ = ["merge", "weights_in_force"]


def weights_in_force(
    runs: Mapping[str, Sequence[Hit]], weights: Mapping[str, float], guard: Guard | None
) -> dict[str, float]:
    """The weight of every run: 1 where none is set; if the guard names a fallback, 1 for that run and 0 elsewhere.

    Raises:
        ConfigError: a weight or the guard names a retriever that is not in the pipeline, or no weight is above 0.
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
        return {label: float(label == fallback) for label in runs}
    found = {label: weights.get(label, 1.0) for label in runs}
    if found and not any(found.values()):
        raise ConfigError(
            "every retriever has weight 0, so nothing would be found",
            where="pipeline: fusion",
            fix="give at least one a weight above 0",
        )
    return found


def merge(
    runs: Mapping[str, Sequence[Hit]], shares: Mapping[str, Sequence[float]], weights: Mapping[str, float], k: int
) -> list[Hit]:
    """Sums the weighted shares of each passage and keeps the k highest sums.

    Args:
        runs: hits of each retriever, best first.
        shares: for each run, what each of its hits gets at weight 1.
        weights: of each run. What only runs of weight 0 found is left out.
        k: how many hits to keep.

    Returns:
        Hits whose strands hold each run's rank, raw score and weighted share, and whose score is exactly the sum of
        these shares. Equal sums keep the order in which the runs first name them.

    Example:
        >>> runs = {"a": [Hit("x", "d", 9.0, 0)], "b": [Hit("y", "e", 0.5, 1), Hit("x", "d", 0.1, 0)]}
        >>> hits = merge(runs, {"a": [1.0], "b": [0.75, 0.5]}, {"a": 1.0, "b": 1.0}, k=2)
        >>> [(hit.passage_id, hit.score) for hit in hits]
        [('x', 1.5), ('y', 0.75)]
    """
    sums: dict[str, float] = {}
    firsts: dict[str, Hit] = {}
    for label, hits in runs.items():
        if weight := weights[label]:
            for hit, share in zip(hits, shares[label], strict=True):
                sums[hit.passage_id] = sums.get(hit.passage_id, 0.0) + weight * share
                firsts.setdefault(hit.passage_id, hit)
    best = sorted(sums, key=sums.__getitem__, reverse=True)[: max(k, 0)]
    # Strands only for what is handed on: they cost more than the sums.
    strands: dict[str, list[Strand]] = {passage_id: [] for passage_id in best}
    for label, hits in runs.items():
        weight = weights[label]
        for rank, (hit, share) in enumerate(zip(hits, shares[label], strict=True), start=1):
            if hit.passage_id in strands:
                strands[hit.passage_id].append(Strand(label, rank, hit.score, weight * share))
    return [
        Hit(i, firsts[i].document_id, sums[i], firsts[i].row, tuple(strands[i]))  # i: passage id
        for i in best
    ]
