r"""Lexical retrieval: text becomes terms, and BM25 weighs the index's counts of them.

The score of a passage d for a query q is, in Lucene's variant of Robertson and Zaragoza (2009),

.. math:: \sum_{t \in q} \ln\Bigl(1 + \frac{N - n_t + 0.5}{n_t + 0.5}\Bigr)
          \frac{f_{td}}{f_{td} + k_1 (1 - b + b\,|d| / \bar{|d|})}

where only ``t in q`` depends on the query. Everything else is worked out once for each posting. What a document says
as a whole adds to each of its passages: its own score, as one long text among the documents (Callan, SIGIR 1994, on
passages and documents as evidence for each other).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings
from plait.contracts import Column, ColumnValues, Hit, IndexView, IngestBatch, Query, SparseColumn
from plait.contracts.errors import ConfigError, MissingDependencyError

__all__ = ["ANALYSIS_VERSION", "ENGLISH_STOP_WORDS", "Analyser", "Config", "Impacts", "Lexical", "best_rows"]

ANALYSIS_VERSION = 1
"""Grows when the same text would give other terms; indexes then ask to be rebuilt."""

_ENGLISH = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they "
    "this to was will with"
)
ENGLISH_STOP_WORDS = frozenset(_ENGLISH.split())
"""The list of Lucene's EnglishAnalyzer, which the published BM25 baselines use."""

# A number with inner points or commas; or letters and digits joined by what names and identifiers use inside.
_TOKEN = re.compile(r"(\d+(?:[.,]\d+)+)(?![^\W_])|[^\W_]+(?:['@+./_-][^\W_]+)*")
_JOINT = re.compile(r"[@+./_-]")
_APOSTROPHE = "\u2019"
_LONGEST = 64
"""Longer runs of letters are sequences or encoded data: nobody searches for them whole."""


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - the name PyStemmer gives it


class Analyser:
    """Splits and normalises text for term matching.

    Words are case-folded and stripped of accents. A hyphenated word gives its parts; where a part holds a digit, or
    the joint is ``@``, the whole without joints is a term too, so that ``GPT-4`` and ``GPT4``, or ``nDCG@10`` and
    ``ndcg10``, find each other. Decimal numbers stay whole.

    Args:
        stemmer: a language of Snowball, such as ``"english"``, or None.
        stop_words: terms to leave out, compared before stemming.

    Raises:
        MissingDependencyError: PyStemmer is not installed and a stemmer is wanted.
        ConfigError: there is no such stemmer.

    Example:
        >>> Analyser(None, ENGLISH_STOP_WORDS).terms("The nDCG@10 of GPT-4 was 0.679 in Müller's state-of-the-art")
        ['ndcg', '10', 'ndcg10', 'gpt', '4', 'gpt4', '0.679', 'muller', 'state', 'art']
    """

    def __init__(self, stemmer: str | None, stop_words: Iterable[str]) -> None:
        self._stop_words = frozenset(_fold(word) for word in stop_words)
        self._stem = _stemmer(stemmer) if stemmer else _keep
        # Word forms repeat (Zipf): a dictionary is several times faster than stemming each occurrence.
        self._known: dict[str, str | None] = {}

    def terms(self, text: str) -> list[str]:
        """The terms of ``text`` in order, repeated as often as they occur."""
        terms: list[str] = []
        for match in _TOKEN.finditer(_fold(text)):
            token = match.group()
            if match.group(1):
                self._add(token.replace(",", ""), terms)
            elif token.isalnum():
                self._add(token, terms)
            else:
                parts = _JOINT.split(token)
                for part in parts:
                    self._add(part, terms)
                if len(parts) > 1 and ("@" in token or any(character.isdigit() for character in token)):
                    self._add("".join(parts), terms)
        return terms

    def _add(self, word: str, terms: list[str]) -> None:
        try:
            term = self._known[word]
        except KeyError:
            term = self._known[word] = self._term(word)
            if len(self._known) > 500_000:
                self._known.clear()
        if term is not None:
            terms.append(term)

    def _term(self, word: str) -> str | None:
        if len(word) > _LONGEST:
            return None
        word = word.removesuffix("'s")
        if not word or word in self._stop_words:
            return None
        return self._stem(word)


def _fold(text: str) -> str:
    """Lower case without accents; ASCII, the common case, is only lowered."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold()).replace(_APOSTROPHE, "'")
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _keep(word: str) -> str:
    return word


def _stemmer(language: str) -> Callable[[str], str]:
    try:
        import Stemmer
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "stemming needs PyStemmer", where="lexical: stemmer", fix="pip install PyStemmer, or set stemmer='none'"
        ) from error
    known: list[str] = Stemmer.algorithms()
    if language not in known:
        raise ConfigError(
            f"there is no stemmer {language!r}", where="lexical: stemmer", choices=known, fix="or set stemmer='none'"
        )
    stemmer: _Stemmer = Stemmer.Stemmer(language)
    return stemmer.stemWord


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
    document_weight: float = Field(default=0.5, ge=0.0)
    """How much the score of the whole document adds to that of its passages; no matter where each has only one."""
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
        """The k passages of highest score, their document's included, that share a term with the query."""
        if not len(view) or k < 1:
            return []
        scores = self.passage_scores(query.text, view)
        allowed = view.allowed(query.filters)
        if allowed is not None:
            scores[~allowed] = 0.0
        rows = best_rows(scores, k)
        return view.hits(rows, scores[rows])

    def passage_scores(self, text: str, view: IndexView) -> NDArray[np.float32]:
        """Scores of all passages, their document's included, shape (rows,); 0 where nothing is shared with the text."""
        terms = self.terms(text)
        scores = self.impacts(view).scores(terms)
        if self._documents_count(view):
            whole = self._document_impacts(view).scores(terms)  # (documents,)
            scores += np.float32(self.config.document_weight) * whole[view.document_numbers] * (scores > 0)
        return scores

    def own_weight(self, view: IndexView) -> float:
        """Between 1, where each document is one passage, and 2: what it says of long documents is a voice of its own.

        With n passages to a document 1 + (1 - 1/n)³: 1.1 for abstracts cut in two, 1.8 for papers. Chosen on SciFact's
        training claims, OpenStax Microbiology and QMSum.
        """
        if not self._documents_count(view):
            return 1.0
        return 1.0 + (1.0 - len(view.document_ids) / len(view)) ** 3

    def _documents_count(self, view: IndexView) -> bool:
        return self.config.document_weight > 0 and len(view.document_ids) < len(view)

    def terms(self, text: str) -> list[str]:
        """The terms that ``text`` is matched by."""
        return self._analyser.terms(text)

    def impacts(self, view: IndexView) -> Impacts:
        """The postings of a view with what each adds to a score; worked out once for each view."""
        config = self.config
        key = f"bm25:{config.column}:{config.k1}:{config.b}"
        return view.derived(key, lambda: Impacts.of(view.sparse(config.column), len(view), config.k1, config.b))

    def _document_impacts(self, view: IndexView) -> Impacts:
        """The same for whole documents; their numbers stand for rows."""
        config, count = self.config, len(view.document_ids)

        def made() -> Impacts:
            column = _by_document(view.sparse(config.column), view.document_numbers, count)
            return Impacts.of(column, count, config.k1, config.b)

        return view.derived(f"bm25 of documents:{config.column}:{config.k1}:{config.b}", made)


def _by_document(column: SparseColumn, numbers: NDArray[np.int32], count: int) -> SparseColumn:
    """Counts of terms in whole documents, from those in passages; ``numbers``: the document of each passage."""
    terms = np.repeat(np.arange(len(column.indptr) - 1), np.diff(column.indptr))  # (postings,)
    pairs, places = np.unique(terms * np.int64(count) + numbers[column.rows], return_inverse=True)
    weights = np.bincount(places, weights=column.weights).astype(column.weights.dtype)
    indptr = np.searchsorted(pairs // count, np.arange(len(column.indptr)))
    return SparseColumn(column.vocabulary, indptr, (pairs % count).astype(column.rows.dtype), weights)


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
