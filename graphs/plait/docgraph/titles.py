"""Finds the documents whose title is, nearly is, or stands in a given text, without comparing with all of them."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence

from plait.docgraph.normalisation import plain, title_key, word_spans, words

__all__ = ["LEAST_DICE", "START", "TitleIndex"]

LEAST_DICE = 0.85
"""Least share of words that two near titles have in common: 2 |A ∩ B| / (|A| + |B|)."""

START = 16
"""Letters by which a title is looked up in running text; a shorter title is not looked for there: it is a phrase."""

_LEAST_WORDS = 4  # of a near title: of three words, two in common are no evidence
_MOST_COMPARED = 20_000  # candidates of one near title: what bounds its time
_CLOSING = "\"'\u201d\u2019\u00bb"
_APOSTROPHES = ("'", "\u2019")
# Behind these a title goes on: "Braids: a survey", "Braids and/or knots" are other papers than "Braids".
_GOES_ON = ":-\u2010\u2011\u2013\u2014/&"
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
# Numbers that tell parts of a work apart.
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
        self._count: Counter[str] = Counter()  # titles that hold a word; removed ones stay in the arrays above

    def add(self, title: str) -> int:
        """Takes a title in and returns its number."""
        number = len(self._keys)
        found = words(title)
        key = "".join(found)
        self._keys.append(key)
        self._words.append(frozenset(found))
        if key:
            same = self._by_key.setdefault(key, [])
            if not same and len(key) >= START:
                self._by_start.setdefault(key[:START], []).append(number)
            same.append(number)
            for word in self._words[number]:
                self._by_word[word].append(number)
                self._count[word] += 1
        return number

    def remove(self, number: int) -> None:
        """Forgets a title: what is found afterwards is as if it had never been there."""
        key, found = self._keys[number], self._words[number]
        self._words[number] = frozenset()
        for word in found:
            self._count[word] -= 1
        same = self._by_key.get(key, [])
        if number not in same:
            return
        same.remove(number)
        if not same:
            del self._by_key[key]
            if len(key) >= START:
                alike = self._by_start[key[:START]]
                alike.remove(next(other for other in alike if self._keys[other] == key))

    def equal(self, title: str) -> Sequence[int]:
        """Numbers of the titles that are this one, but for case, spaces, hyphens and punctuation."""
        return self._by_key.get(title_key(title), ())

    def within(self, text: str) -> Sequence[int]:
        """Numbers of the longest known title that stands in ``text`` by itself; of at least 16 letters.

        "Machine learning methods" does not stand in "Machine learning methods for protein folding", nor "Braids" in
        "Braids: a survey": in front and behind there must be the end of a sentence, punctuation, a year or nothing.
        """
        line = plain(text)
        found = word_spans(line)
        joined = "".join(line[start:end] for start, end in found)
        begins: dict[int, int] = {}  # place among the letters -> number of the word that begins there
        position = 0
        for number, (start, end) in enumerate(found):
            begins[position] = number
            position += end - start
        begins[len(joined)] = len(found)
        best = ""
        for place, first in begins.items():
            for other in self._by_start.get(joined[place : place + START], ()):
                key = self._keys[other]
                behind = begins.get(place + len(key))
                longer = len(key) > len(best) and behind is not None and joined.startswith(key, place)
                if longer and behind is not None and _stands_alone(line, found, first, behind):
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
        rarest = sorted(wanted, key=lambda word: (self._count[word], word))
        # Dice >= t leaves a title of at least |common| words, so |common| >= t |wanted| / (2 - t).
        probes = len(wanted) - math.ceil(LEAST_DICE * len(wanted) / (2 - LEAST_DICE)) + 1
        candidates: set[int] = set()
        for word in rarest[:probes]:
            if len(candidates) + self._count[word] > _MOST_COMPARED:
                break
            candidates.update(number for number in self._by_word.get(word, ()) if self._words[number])
        numbered = _numbers(wanted)
        scored = []
        for number in candidates:
            other = self._words[number]
            dice = 2 * len(wanted & other) / (len(wanted) + len(other))
            if dice >= LEAST_DICE and len(other) >= _LEAST_WORDS and _numbers(other) == numbered:
                scored.append((dice, number))
        return sorted(scored, key=lambda pair: (-pair[0], pair[1]))


def _stands_alone(line: str, found: Sequence[tuple[int, int]], first: int, behind: int) -> bool:
    """Whether the words from ``first`` up to ``behind`` are not part of a longer phrase."""
    before = line[found[first - 1][1] : found[first][0]].strip() if first else "."
    # "Doe J On braids" and "Doe 2019 On braids": an initial or a number in front is no part of a title.
    if not before and len(word := line[slice(*found[first - 1])]) > 1 and not word.isdigit():
        return False
    if behind == len(found):
        return True
    after = line[found[behind - 1][1] : found[behind][0]]
    if not after.strip():
        return bool(_YEAR.fullmatch(line[slice(*found[behind])]))
    return after not in _APOSTROPHES and after.strip().lstrip(_CLOSING)[:1] not in tuple(_GOES_ON)


def _numbers(found: frozenset[str]) -> set[str]:
    return {word for word in found if word in _ROMAN or any(letter.isdigit() for letter in word)}
