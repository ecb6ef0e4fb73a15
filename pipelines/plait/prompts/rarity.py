"""How rare a word is in the corpus: inverse document frequency, counted once per snapshot."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from plait.contracts import IndexView
from plait.text.content import content_words

__all__ = ["rarity_in"]

SAMPLE = 3_000
"""Passages that are counted at most, spread evenly over the index: enough for weights, and bounded in time."""


def rarity_in(view: IndexView) -> Callable[[str], float]:
    """The inverse document frequency of a stem among the passages of ``view``, scaled to (0, 1].

    A stem that no counted passage holds weighs 1. With ``n`` passages of which ``f`` hold the stem the weight is
    ``log(1 + (n - f + 0.5) / (f + 0.5)) / log(1 + (n + 0.5) / 0.5)``, the BM25 form, which is never negative.
    In an index of fewer than 20 passages frequencies say little, so the weights are drawn towards 1.
    """
    counts, total = view.derived("plait.prompts.rarity", lambda: _count(view))
    rarest = math.log(1 + (total + 0.5) / 0.5)
    trust = min(1.0, total / 20)

    def weight(stem: str) -> float:
        frequency = counts.get(stem, 0)
        idf = math.log(1 + (total - frequency + 0.5) / (frequency + 0.5)) / rarest
        return max(0.05, trust * idf + (1 - trust))

    return weight


def _count(view: IndexView) -> tuple[Counter[str], int]:
    rows = range(0, len(view), max(1, len(view) // SAMPLE))
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update({word.stem for word in content_words(view.passage(row).embedding_text)})
    return counts, len(rows)
