"""Packing sentences into passages: few, full, even, and cut at paragraphs where possible.

The cuts minimise the sum over passages of ``(1 - load)² + price of the cut``, by dynamic programming, the way TeX
breaks paragraphs into lines (Knuth and Plass, "Breaking Paragraphs into Lines", 1981). Greedy filling would leave a
passage of a few words at the end of most sections.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from plait.chunkers.lengths import WORD, Load, Ruler
from plait.contracts import PlacedBlock
from plait.contracts.document import Equation
from plait.text.sentences import sentence_spans

__all__ = ["Unit", "pack", "units_of"]

# Prices of a cut, in squares of emptiness; between two paragraphs it is free. So a passage rather stays 32 % empty than
# ends inside a paragraph (.32² = .10), 55 % than tears an equation off the text around it, 71 % than cuts a sentence.
# The order is what matters; the figures were chosen, not tuned.
_INSIDE_PARAGRAPH = 0.10
_AT_EQUATION = 0.30
_INSIDE_SENTENCE = 0.50


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence (or a piece of an over-long one): its span, and the price of a cut before it."""

    start: int
    end: int
    price: float


def units_of(text: str, blocks: Sequence[PlacedBlock], ruler: Ruler, context: str = "") -> list[Unit]:
    """The sentences of ``blocks``, none fuller than a passage under ``context``. White space around them is left out.

    Args:
        text: the document's.
        blocks: placed in it.
        ruler: of the text.
        context: what stands above the passage.
    """
    units: list[Unit] = []
    after_equation = False
    for block in blocks:
        equation = isinstance(block.block, Equation)
        price = _AT_EQUATION if equation or after_equation else 0.0
        after_equation = equation
        content = text[block.start : block.end]
        spans = [(0, len(content))] if equation else sentence_spans(content)
        for start, end in spans:
            units += _split(text, block.start + start, block.start + end, ruler, context, price)
            price = _INSIDE_PARAGRAPH
    return units


def pack(units: Sequence[Unit], load: Load) -> list[tuple[int, int]]:
    """Ranges of ``units`` (first, last excluded), each of a load of at most 1, at the least total cost.

    Example:
        >>> sentences = [Unit(i * 10, i * 10 + 9, 0.1) for i in range(6)]
        >>> pack(sentences, lambda first, last: (last - first) * 40 / 160)
        [(0, 3), (3, 6)]
    """
    # best[i]: least cost of the units from i on; cut[i]: where the first of their passages ends.
    best = [0.0] * (len(units) + 1)
    cut = [len(units)] * (len(units) + 1)
    for first in range(len(units) - 1, -1, -1):
        best[first] = float("inf")
        for last in range(first + 1, len(units) + 1):
            full = load(first, last)
            if full > 1 and last > first + 1:
                break
            cost = (1 - full) ** 2 + best[last]
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


def _split(text: str, start: int, end: int, ruler: Ruler, context: str, price: float) -> list[Unit]:
    content = text[start:end]
    start += len(content) - len(content.lstrip())
    end = start + len(content.strip())
    if start >= end:
        return []
    full = ruler.load(start, end, context)
    if full <= 1:
        return [Unit(start, end, price)]
    share = full / math.ceil(full)  # of each piece, if all are to be even
    spans = [match.span() for match in WORD.finditer(text, start, end)]
    load = ruler.loads(spans, context)
    units = []
    first = 0
    for last in range(1, len(spans) + 1):
        if last == len(spans) or load(first, last) >= share or load(first, last + 1) > 1:
            units.append(Unit(spans[first][0], spans[last - 1][1], _INSIDE_SENTENCE if first else price))
            first = last
    return units
