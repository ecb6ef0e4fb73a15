"""Packing sentences into passages: few, full, even, and cut at paragraphs where possible.

The cuts minimise the sum over passages of ``((limit - words) / limit)² + price of the cut``, by dynamic programming,
the way TeX breaks paragraphs into lines (Knuth and Plass, "Breaking Paragraphs into Lines", 1981). Greedy filling
would leave a passage of a few words at the end of most sections.

Length is measured in words: what white space separates, and single characters of scripts that use none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from plait.contracts import PlacedBlock
from plait.contracts.document import Equation
from plait.text.sentences import sentence_spans

__all__ = ["Unit", "count_words", "pack", "units_of"]

# Prices of a cut, in squares of emptiness; between two paragraphs it is free. So a passage rather stays 32 % empty than
# ends inside a paragraph (.32² = .10), 55 % than tears an equation off the text around it, 71 % than cuts a sentence.
# The order is what matters; the figures were chosen, not tuned.
_INSIDE_PARAGRAPH = 0.10
_AT_EQUATION = 0.30
_INSIDE_SENTENCE = 0.50
# Han, kana and hangul are written without spaces, so that each character counts. A run without any space (a hash, a
# genome, an encoded picture) counts one word per 48 characters: it fills an encoder's window just the same.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,48}")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence (or a piece of an over-long one): its span, its words, and the price of a cut before it."""

    start: int
    end: int
    words: int
    price: float


def units_of(text: str, blocks: Sequence[PlacedBlock], limit: int) -> list[Unit]:
    """The sentences of ``blocks``, none longer than ``limit`` words. White space around them belongs to none."""
    units: list[Unit] = []
    after_equation = False
    for block in blocks:
        equation = isinstance(block.block, Equation)
        price = _AT_EQUATION if equation or after_equation else 0.0
        after_equation = equation
        content = text[block.start : block.end]
        spans = [(0, len(content))] if equation else sentence_spans(content)
        for start, end in spans:
            units += _split(text, block.start + start, block.start + end, limit, price)
            price = _INSIDE_PARAGRAPH
    return units


def pack(units: Sequence[Unit], limit: int) -> list[tuple[int, int]]:
    """Ranges of ``units`` (first, last excluded), each of at most ``limit`` words, at the least total cost.

    Example:
        >>> sentence = lambda i: Unit(i * 10, i * 10 + 9, 40, 0.1)
        >>> pack([sentence(i) for i in range(6)], limit=160)
        [(0, 3), (3, 6)]
    """
    # best[i]: least cost of the units from i on; cut[i]: where the first of their passages ends.
    best = [0.0] * (len(units) + 1)
    cut = [len(units)] * (len(units) + 1)
    for first in range(len(units) - 1, -1, -1):
        best[first] = float("inf")
        words = 0
        for last in range(first + 1, len(units) + 1):
            words += units[last - 1].words
            if words > limit and last > first + 1:
                break
            cost = ((limit - words) / limit) ** 2 + best[last]
            if last < len(units):
                cost += units[last].price
            if cost < best[first]:
                best[first], cut[first] = cost, last
    ranges = []
    first = 0
    while first < len(units):
        ranges.append((first, cut[first]))
        first = cut[first]
    return ranges


def count_words(text: str) -> int:
    """How many words ``text`` has.

    Example:
        >>> count_words("three plain words"), count_words("三本の糸"), count_words("a" * 96)
        (3, 4, 2)
    """
    return sum(1 for _ in _WORD.finditer(text))


def _split(text: str, start: int, end: int, limit: int, price: float) -> list[Unit]:
    content = text[start:end]
    start += len(content) - len(content.lstrip())
    end = start + len(content.strip())
    if start >= end:
        return []
    words = count_words(text[start:end])
    if words <= limit:
        return [Unit(start, end, words, price)]
    spans = [match.span() for match in _WORD.finditer(text, start, end)]
    pieces = -(-len(spans) // limit)
    size = -(-len(spans) // pieces)
    units = []
    for first in range(0, len(spans), size):
        part = spans[first : first + size]
        units.append(Unit(part[0][0], part[-1][1], len(part), price if first == 0 else _INSIDE_SENTENCE))
    return units
