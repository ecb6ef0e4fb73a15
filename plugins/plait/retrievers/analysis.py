"""From text to terms: words, numbers and names, without stop words, reduced to their stems."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Protocol

from plait.contracts.errors import ConfigError, MissingDependencyError

__all__ = ["ANALYSIS_VERSION", "ENGLISH_STOP_WORDS", "Analyser"]

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
