r"""BM25 as postings with precomputed impacts.

The score of a passage d for a query q is, in Lucene's variant of Robertson and Zaragoza (2009),

.. math:: \sum_{t \in q} \ln\Bigl(1 + \frac{N - n_t + 0.5}{n_t + 0.5}\Bigr)
          \frac{f_{td}}{f_{td} + k_1 (1 - b + b\,|d| / \bar{|d|})}

where only ``t in q`` depends on the query. Everything else is worked out once for each posting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plait.contracts import SparseColumn

__all__ = ["Impacts", "best_rows"]


@dataclass(frozen=True, slots=True)
class Impacts:
    """Postings of one view with what each gives to a passage's score.

    The passages of term ``i = vocabulary[t]`` are ``rows[indptr[i]:indptr[i + 1]]``, their gains beside.
    """

    vocabulary: Mapping[str, int]
    indptr: NDArray[np.int64]
    rows: NDArray[np.int32]
    gains: NDArray[np.float32]
    size: int

    @classmethod
    def of(cls, column: SparseColumn, size: int, k1: float, b: float) -> Impacts:
        """Works the impacts out from term counts.

        Args:
            column: term counts as postings.
            size: number of passages in the view, those without any term included.
            k1: how fast repeated terms saturate.
            b: how much long passages are held back, 0 to 1.
        """
        frequencies = np.diff(column.indptr)  # (terms,)
        counts = column.weights.astype(np.float64)  # (postings,)
        lengths = np.bincount(column.rows, weights=counts, minlength=size)  # (size,)
        mean = lengths.mean() if size and lengths.any() else 1.0
        norms = k1 * (1.0 - b + b * lengths / mean)
        rarity = np.log1p((size - frequencies + 0.5) / (frequencies + 0.5))
        gains = np.repeat(rarity, frequencies) * counts / (counts + norms[column.rows])
        return cls(column.vocabulary, column.indptr, column.rows, gains.astype(np.float32), size)

    def scores(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """Scores of all passages, shape (size,); a term named twice counts twice."""
        total = np.zeros(self.size, dtype=np.float32)
        repeats: dict[int, int] = {}
        for term in terms:
            number = self.vocabulary.get(term)
            if number is not None:
                repeats[number] = repeats.get(number, 0) + 1
        for number, times in repeats.items():
            start, stop = self.indptr[number], self.indptr[number + 1]
            # Within a term each row stands once, so the indexed addition loses nothing.
            total[self.rows[start:stop]] += self.gains[start:stop] if times == 1 else self.gains[start:stop] * times
        return total


def best_rows(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Rows of the k highest positive scores, best first; equal scores in order of row, at the cut too.

    Example:
        >>> best_rows(np.array([0.0, 2.0, 1.0, 2.0, 1.0], dtype=np.float32), 3).tolist()
        [1, 3, 2]
    """
    if k < 1:
        return np.empty(0, dtype=np.int64)
    rows = np.flatnonzero(scores > 0)
    found = scores[rows]
    if k < len(rows):
        threshold = np.partition(found, len(found) - k)[len(found) - k]
        above = rows[found > threshold]
        level = rows[found == threshold][: k - len(above)]
        rows = np.concatenate((above, level))
        rows.sort()
        found = scores[rows]
    return rows[np.argsort(-found, kind="stable")]
