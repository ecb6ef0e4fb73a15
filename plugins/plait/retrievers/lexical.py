r"""Lexical retrieval: BM25 over the index's term counts.

The score of a passage d for a query q is, in Lucene's variant of Robertson and Zaragoza (2009),

.. math:: \sum_{t \in q} \ln\Bigl(1 + \frac{N - n_t + 0.5}{n_t + 0.5}\Bigr)
          \frac{f_{td}}{f_{td} + k_1 (1 - b + b\,|d| / \bar{|d|})}

where only ``t in q`` depends on the query. Everything else is worked out once for each posting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings
from plait.contracts import Column, ColumnValues, Hit, IndexView, IngestBatch, Query, SparseColumn
from plait.retrievers.analysis import ANALYSIS_VERSION, ENGLISH_STOP_WORDS, Analyser

__all__ = ["Config", "Impacts", "Lexical", "best_rows"]


class Config(Settings):
    """Settings of ``lexical``. ``k1`` and ``b`` act when searching: changing them needs no rebuild."""

    k1: float = Field(default=1.2, ge=0.0)
    """How slowly repeated terms saturate."""
    b: float = Field(default=0.75, ge=0.0, le=1.0)
    """How much long passages are held back."""
    stemmer: str = "english"
    """A Snowball language, or ``none`` to match whole words (a word, so that TOML can say it)."""
    stop_words: Literal["english"] | tuple[str, ...] = "english"
    """Words to leave out; an empty list keeps all."""
    column: str = Field(default="lexical", pattern=r"^[a-z][a-z0-9_]*$")
    """The index column that holds the term counts."""


class Lexical:
    """BM25 (Lucene's variant) over stemmed words.

    Args:
        config: the settings.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        stop_words = ENGLISH_STOP_WORDS if config.stop_words == "english" else config.stop_words
        self._analyser = Analyser(None if config.stemmer == "none" else config.stemmer, stop_words)

    @property
    def columns(self) -> Sequence[Column]:
        """One sparse column: term -> count."""
        return (Column(self.config.column, "sparse"),)

    def fingerprint(self) -> Mapping[str, Any]:
        """How text becomes terms."""
        stop_words = self.config.stop_words
        return {
            "analysis": ANALYSIS_VERSION,
            "stemmer": self.config.stemmer,
            "stop_words": stop_words if isinstance(stop_words, str) else sorted(stop_words),
        }

    def encode(self, batch: IngestBatch) -> Mapping[str, ColumnValues]:
        """Counts the terms of each passage and its context."""
        return {self.config.column: [Counter(self.terms(p.embedding_text)) for p in batch.passages]}

    def retrieve(self, query: Query, view: IndexView, k: int) -> Sequence[Hit]:
        """The k passages of highest BM25 score among those that share a term with the query."""
        if not len(view) or k < 1:
            return []
        scores = self.passage_scores(query.text, view)
        allowed = view.allowed(query.filters)
        if allowed is not None:
            scores[~allowed] = 0.0
        rows = best_rows(scores, k)
        return view.hits(rows, scores[rows])

    def passage_scores(self, text: str, view: IndexView) -> NDArray[np.float32]:
        """BM25 scores of all passages, shape (rows,); 0 where a passage shares no term with the text."""
        return self.impacts(view).scores(self.terms(text))

    def terms(self, text: str) -> list[str]:
        """The terms that ``text`` is matched by."""
        return self._analyser.terms(text)

    def impacts(self, view: IndexView) -> Impacts:
        """The postings of a view with what each adds to a score; worked out once for each view."""
        config = self.config
        key = f"bm25:{config.column}:{config.k1}:{config.b}"
        return view.derived(key, lambda: Impacts.of(view.sparse(config.column), len(view), config.k1, config.b))


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
        idf = np.log1p((size - frequencies + 0.5) / (frequencies + 0.5))
        gains = np.repeat(idf, frequencies) * counts / (counts + norms[column.rows])
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
