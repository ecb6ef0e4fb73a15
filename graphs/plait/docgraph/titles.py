"""Finds the documents whose title is, nearly is, or stands in a given text, without comparing with all of them."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Sequence

from plait.docgraph.normalising import title_key, words

__all__ = ["LEAST_DICE", "TitleIndex"]

LEAST_DICE = 0.85
"""Least share of words that two near titles have in common: 2 |A ∩ B| / (|A| + |B|)."""

_START = 16
_LEAST_WORDS = 4
_MOST_COMPARED = 20_000
_ROMAN = {"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"}


class TitleIndex:
    """Titles by number. Looking one up costs the length of the text and the rarest words' documents.

    Near titles use the prefix filter of Chaudhuri, Ganti and Kaushik, "A Primitive Operator for Similarity Joins in
    Data Cleaning", 2006: a title that shares o of n words holds at least one of the n - o + 1 rarest.
    """

    def __init__(self) -> None:
        self._words: list[frozenset[str]] = []
        self._keys: list[str] = []
        self._by_key: dict[str, list[int]] = {}
        self._by_start: dict[str, list[int]] = {}
        self._by_word: dict[str, array[int]] = defaultdict(lambda: array("i"))

    def add(self, title: str) -> int:
        """Takes a title in and returns its number."""
        number = len(self._keys)
        found = words(title)
        key = "".join(found)
        self._keys.append(key)
        self._words.append(frozenset(found))
        if key:
            same = self._by_key.setdefault(key, [])
            if not same and len(key) >= _START:
                self._by_start.setdefault(key[:_START], []).append(number)
            same.append(number)
            for word in self._words[number]:
                self._by_word[word].append(number)
        return number

    def equal(self, title: str) -> Sequence[int]:
        """Numbers of the titles that are this one, but for case, spaces, hyphens and punctuation."""
        return self._by_key.get(title_key(title), ())

    def within(self, text: str) -> Sequence[int]:
        """Numbers of the longest known title that stands in ``text`` as whole words; of at least 16 letters."""
        found = words(text)
        joined = "".join(found)
        starts, position = [], 0
        for word in found:
            starts.append(position)
            position += len(word)
        borders = {*starts, len(joined)}
        best = ""
        for start in starts:
            for number in self._by_start.get(joined[start : start + _START], ()):
                key = self._keys[number]
                if len(key) > len(best) and joined.startswith(key, start) and start + len(key) in borders:
                    best = key
        return self._by_key[best] if best else ()

    def near(self, title: str) -> list[tuple[float, int]]:
        """(share of common words, number) of near titles, best first; numbers in titles must agree.

        "Part II" is not near "Part I", nor "Algorithm 123" near "Algorithm 124". Titles of fewer than four words
        are near none. Words that thousands of titles share are not looked up: a title all of common words may be
        missed, but never costs a comparison with everything.
        """
        wanted = frozenset(words(title))
        if len(wanted) < _LEAST_WORDS:
            return []
        rarest = sorted(wanted, key=lambda word: (len(self._by_word.get(word, ())), word))
        # Dice >= t leaves a title of at least |common| words, so |common| >= t |wanted| / (2 - t).
        probes = len(wanted) - math.ceil(LEAST_DICE * len(wanted) / (2 - LEAST_DICE)) + 1
        candidates: set[int] = set()
        for word in rarest[:probes]:
            if len(candidates) + len(self._by_word.get(word, ())) > _MOST_COMPARED:
                break
            candidates.update(self._by_word.get(word, ()))
        numbered = _numbers(wanted)
        scored = []
        for number in candidates:
            other = self._words[number]
            dice = 2 * len(wanted & other) / (len(wanted) + len(other))
            if dice >= LEAST_DICE and len(other) >= _LEAST_WORDS and _numbers(other) == numbered:
                scored.append((dice, number))
        return sorted(scored, key=lambda pair: (-pair[0], pair[1]))


def _numbers(found: frozenset[str]) -> set[str]:
    return {word for word in found if word in _ROMAN or any(letter.isdigit() for letter in word)}
