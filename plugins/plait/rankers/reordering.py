"""What rankers share: a new order for the first hits, the others behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from plait.contracts import Hit, Strand

__all__ = ["reorder", "spread"]


def reorder(ranker: str, hits: Sequence[Hit], judged: Sequence[float], scores: Sequence[float]) -> list[Hit]:
    """Puts the first ``len(scores)`` hits in order of ``scores``; the others follow in the order they had.

    Args:
        ranker: the ranker's name, for the strand it adds to each hit that it judged.
        hits: best first.
        judged: the ranker's own value of each judged hit, for the strand.
        scores: the new scores. Hits beyond them get scores below the lowest, in steps that only keep the order.

    Example:
        >>> hits = [Hit("a#0", "a", 3.0, 0), Hit("b#0", "b", 2.0, 1), Hit("c#0", "c", 1.0, 2)]
        >>> [(hit.passage_id, hit.score) for hit in reorder("r", hits, [0.1, 0.9], [0.1, 0.9])]
        [('b#0', 0.9), ('a#0', 0.1), ('c#0', -0.9)]
    """
    order = sorted(range(len(scores)), key=lambda position: -scores[position])
    ranks = {position: rank for rank, position in enumerate(sorted(order, key=lambda p: -judged[p]), start=1)}
    first = [
        replace(
            hits[position],
            score=scores[position],
            strands=(
                *hits[position].strands,
                Strand(ranker, ranks[position], judged[position], scores[position]),
            ),
        )
        for position in order
    ]
    floor = min(scores, default=0.0)
    rest = [replace(hit, score=floor - step) for step, hit in enumerate(hits[len(scores) :], start=1)]
    return first + rest


def spread(values: Sequence[float]) -> list[float]:
    """Values moved and scaled to 0 (the least) .. 1 (the greatest); all 1 when they are equal.

    Example:
        >>> spread([2.0, 4.0, 3.0])
        [0.0, 1.0, 0.5]
    """
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [(value - low) / (high - low) if high > low else 1.0 for value in values]
