"""Lexical retrieval: BM25 over the index's term counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from plait.config import Settings
from plait.contracts import Column, ColumnValues, Hit, IndexView, IngestBatch, Query
from plait.retrievers.analysis import ANALYSIS_VERSION, ENGLISH_STOP_WORDS, Analyser
from plait.retrievers.bm25 import Impacts, best_rows

__all__ = ["Config", "Lexical"]


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
        scores = self.impacts(view).scores(self.terms(query.text))
        allowed = view.allowed(query.filters)
        if allowed is not None:
            scores[~allowed] = 0.0
        rows = best_rows(scores, k)
        return view.hits(rows, scores[rows])

    def terms(self, text: str) -> list[str]:
        """The terms that ``text`` is matched by."""
        return self._analyser.terms(text)

    def impacts(self, view: IndexView) -> Impacts:
        """The postings of a view with what each adds to a score; worked out once for each view."""
        config = self.config
        key = f"bm25:{config.column}:{config.k1}:{config.b}"
        return view.derived(key, lambda: Impacts.of(view.sparse(config.column), len(view), config.k1, config.b))
