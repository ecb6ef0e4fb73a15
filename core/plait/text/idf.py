"""Inverse document frequency: how rare a word is among the passages of an index, counted once per snapshot."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from plait.contracts import IndexView
from plait.text.content import content_words

__all__ = ["Idf", "idf_in"]

SAMPLE = 3_000
"""Passages that are counted at most, spread evenly over the index: enough for weights, and bounded in time."""


class Idf:
    """The weight of stems in one index; call it with a stem."""

    def __init__(self, counts: Mapping[str, int], total: int) -> None:
        self._counts = counts
        self._total = total
        self._highest = math.log(1 + (total + 0.5) / 0.5)
        self._trust = min(1.0, total / 20)

    def __call__(self, stem: str) -> float:
        """The weight of a stem, in (0, 1]."""
        frequency = self._counts.get(stem, 0)
        idf = math.log(1 + (self._total - frequency + 0.5) / (frequency + 0.5)) / self._highest
        return max(0.05, self._trust * idf + (1 - self._trust))

    def knows(self, stem: str) -> bool:
        """Whether a counted passage holds the stem."""
        return stem in self._counts


def idf_in(view: IndexView) -> Idf:
    """The inverse document frequency of a stem among the passages of ``view``, scaled to (0, 1].

    A stem that no counted passage holds weighs 1. With ``n`` passages of which ``f`` hold the stem the weight is
    ``log(1 + (n - f + 0.5) / (f + 0.5)) / log(1 + (n + 0.5) / 0.5)``, the BM25 form, which is never negative.
    In an index of fewer than 20 passages frequencies say little, so the weights are drawn towards 1.
    """
    return Idf(*view.derived("plait.text.idf", lambda: _count(view)))


def _count(view: IndexView) -> tuple[Counter[str], int]:
    rows = range(0, len(view), max(1, len(view) // SAMPLE))
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update({word.stem for word in content_words(view.passage(row).embedding_text)})
    return counts, len(rows)
