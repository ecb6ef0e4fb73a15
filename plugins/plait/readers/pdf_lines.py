"""What stands on a page: from fragments to lines in reading order, without running heads.

Lengths are points (1/72 inch), or font sizes where they are multiplied by one. Every constant of the layout, here, in
:mod:`plait.readers.pdf_paragraphs` and in :mod:`plait.readers.pdf_document`, was tried at 0.7 and 1.4 of its value
(counts at half and double) on 33 papers of the Journal of Open Source Education, which ``benchmarks/readers.py PAPERS
--constants`` does again: recall .997, 219 of 229 headings and 7 false ones, 462 whole paragraphs, 353 references. They
share one template, a column of text beside a margin, so that most constants change nothing there; where a comment names
no effect there was none, and the comment says what the constant is for. The tests draw pages of other layouts.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Fragment", "PdfPage", "PdfPages", "TextLine", "is_furniture", "lines_of", "reading_order", "running_heads"]

_LIGATURES = {
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
}  # fmt: skip
_LIGATURE = re.compile("[" + "".join(_LIGATURES) + "]")
_CONTROL = re.compile(r"[\x00\x01\x03-\x08\x0b-\x1f\x7f\u200b\ufeff]")
_PAGE_NUMBER = re.compile(
    r"(?:page\s*)?[-\u2013—\s]*(?:\d{1,4}|[ivxlc]{1,6})[-\u2013—\s]*(?:(?:of|/)\s*\d{1,4})?", re.I
)
_MARGIN = 0.12
"""Share of the page's height, at its top and at its bottom, where running heads can stand."""
ROW = 0.35
"""Font sizes by which baselines of one row may differ: more than rounding and mixed fonts, less than line spacing."""
_LOOKBACK = 6
"""Lines that a fragment may still belong to: files set cells and superscripts out of order, but not far. With 12, 438
paragraphs stay whole."""
_SAME_LINE = (-0.6, 1.3)
"""Font sizes between the end of a line and a fragment that goes on with it: from one set back over the last characters
up to the wide spaces of justified text. What stands further off is another column or cell."""
_RAISED = 0.55
"""Font sizes by which a superscript or subscript may stand off the baseline; a third to a half is usual."""
_LEVEL = 0.15
"""The same for fragments of the line's own size: two such further apart are two lines."""
_SPACE = 0.12
"""Font sizes between two fragments that stand for a space where the file has none: half of a space in most fonts."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A run of characters on one baseline in one style; positions in points from the lower left corner."""

    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool
    text: str


@dataclass(frozen=True, slots=True)
class PdfPage:
    """One page as the worker saw it."""

    number: int
    width: float
    height: float
    fragments: tuple[Fragment, ...]
    pictures: int = 0
    rotated: int = 0
    unmapped: int = 0


@dataclass(slots=True)
class PdfPages:
    """All pages of a file and its metadata."""

    metadata: dict[str, str] = field(default_factory=dict)
    pages: list[PdfPage] = field(default_factory=list)


@dataclass(slots=True)
class TextLine:
    """One printed line (or one cell of a table row). ``column`` numbers the columns of a page in reading order."""

    page: int
    fragments: list[Fragment] = field(default_factory=list)
    column: int = 0
    narrow: bool = False
    """Whether it stands in a column beside the text, such as a margin with the licence."""

    @property
    def x0(self) -> float:
        """Left edge."""
        return min(fragment.x0 for fragment in self.fragments)

    @property
    def x1(self) -> float:
        """Right edge."""
        return max(fragment.x1 for fragment in self.fragments)

    @property
    def main(self) -> Fragment:
        """The fragment with the most characters: it gives the line its size and baseline."""
        return max(self.fragments, key=lambda fragment: len(fragment.text))

    @property
    def baseline(self) -> float:
        """Height of the line over the lower edge of the page."""
        return self.main.baseline

    @property
    def size(self) -> float:
        """Font size of most of the line."""
        return self.main.size

    @property
    def bold(self) -> bool:
        """Whether nearly all of the line is bold."""
        heavy = sum(len(fragment.text) for fragment in self.fragments if fragment.bold)
        # A tenth may be light, such as a number in another font; at .63 one more line passes for a heading. Were no
        # line bold at all, 6 of the 7 false headings would go and no true one, for that template sets headings larger
        # as well; elsewhere bold is all that marks them.
        return heavy >= 0.9 * sum(len(fragment.text) for fragment in self.fragments)

    @property
    def text(self) -> str:
        """The line's characters, ligatures taken apart."""
        parts: list[str] = []
        end = None
        for fragment in sorted(self.fragments, key=lambda item: item.x0):
            spaced = parts and (parts[-1].endswith(" ") or fragment.text.startswith(" "))
            if end is not None and not spaced and fragment.x0 - end > _SPACE * fragment.size:
                parts.append(" ")
            parts.append(fragment.text)
            end = fragment.x1
        joined = _CONTROL.sub("", "".join(parts))
        return " ".join(_LIGATURE.sub(lambda match: _LIGATURES[match.group()], joined).split())


def lines_of(page: PdfPage) -> list[TextLine]:
    """The lines of a page in the order of the file. Superscripts join the line they belong to."""
    lines: list[TextLine] = []
    for fragment in page.fragments:
        for line in reversed(lines[-_LOOKBACK:]):
            if _continues(line, fragment):
                line.fragments.append(fragment)
                break
        else:
            lines.append(TextLine(page.number, [fragment]))
    return [line for line in lines if line.text]


def _continues(line: TextLine, fragment: Fragment) -> bool:
    size = max(line.size, fragment.size)
    gap = fragment.x0 - line.x1
    near = _SAME_LINE[0] * size <= gap <= _SAME_LINE[1] * size
    offset = abs(fragment.baseline - line.baseline)
    # Superscripts and subscripts are at least half a point smaller than their line.
    return near and offset <= (_LEVEL if abs(fragment.size - line.size) < 0.5 else _RAISED) * size


def running_heads(pages: Sequence[PdfPage], lines: Sequence[Sequence[TextLine]]) -> set[int]:
    """The ``id`` of every line that is a running head, a footer or a page number.

    These stand in the margins and come back on other pages: the same words (numbers aside) at the same height, or
    nothing but a page number. In a document of one page only a bare number below the text is one.
    """
    places: dict[tuple[str, int], set[int]] = defaultdict(set)
    candidates: list[tuple[TextLine, tuple[str, int]]] = []
    for page, page_lines in zip(pages, lines, strict=True):
        for line in page_lines:
            if not _in_margin(line, page):
                continue
            shape = re.sub(r"\d+", "#", line.text.casefold())
            key = (shape, round(line.baseline / 6))  # within half a line: heads move a little with what they hold
            candidates.append((line, key))
            places[key].add(page.number)
    found = set()
    for line, (shape, height) in candidates:
        seen = len(set().union(*(places.get((shape, height + step), set()) for step in (-1, 0, 1))))
        # On two pages of a short document, on three of a longer one, and not on most: heads alternate between left and
        # right pages and change with the chapter. If one page were enough, text would go with them (recall .992).
        often = seen >= 2 and seen >= min(3, 0.3 * len(pages))
        if often or is_furniture(line.text):
            found.add(id(line))
    return found


def is_furniture(text: str) -> bool:
    """Whether a line in the margin is nothing but a page number.

    Example:
        >>> [is_furniture(text) for text in ("12", "- iv -", "Page 3 of 9", "12 apples")]
        [True, True, True, False]
    """
    return _PAGE_NUMBER.fullmatch(text.strip()) is not None


def _in_margin(line: TextLine, page: PdfPage) -> bool:
    height = line.baseline / page.height
    return height < _MARGIN or height > 1 - _MARGIN


def reading_order(lines: Sequence[TextLine]) -> list[TextLine]:
    """The lines of one page, column by column; sets ``column`` and ``narrow``."""
    ordered: list[TextLine] = []
    _order(list(lines), ordered, depth=0)
    return ordered


def _order(lines: list[TextLine], ordered: list[TextLine], depth: int) -> None:
    gutter = _gutter(lines) if depth < 4 else None  # what is divided more often is a table
    if gutter is None:
        column = (ordered[-1].column + 1) if ordered else 0
        for line in _by_rows(lines):
            line.column = column
            ordered.append(line)
        return
    crossing = sorted((line for line in lines if line.x0 < gutter < line.x1), key=lambda line: -line.baseline)
    left = [line for line in lines if line.x1 <= gutter]
    right = [line for line in lines if line.x0 >= gutter]
    if not crossing:
        _mark_narrow(left, right)
    bands = [*(line.baseline for line in crossing), float("-inf")]
    above = float("inf")
    for index, below in enumerate(bands):
        for side in (left, right):
            if part := [line for line in side if below < line.baseline <= above]:
                _order(part, ordered, depth + 1)
        if index < len(crossing):
            line = crossing[index]
            follows = bool(ordered) and index > 0 and ordered[-1] is crossing[index - 1]
            line.column = ordered[-1].column + (0 if follows else 1) if ordered else 0
            ordered.append(line)
        above = below


def _mark_narrow(left: list[TextLine], right: list[TextLine]) -> None:
    """A column with a small part of the text in smaller type, beside the main one, is a margin."""
    for side, other in ((left, right), (right, left)):
        characters = sum(len(line.text) for line in side)
        width = max(line.x1 for line in side) - min(line.x0 for line in side)
        main = max(line.x1 for line in other) - min(line.x0 for line in other)
        smaller = statistics.median(line.size for line in side) < statistics.median(line.size for line in other) - 0.5
        # Two columns of text have one width and size; a margin is narrower, in smaller type, and holds little.
        if smaller and width < 0.45 * main and characters < 0.35 * sum(len(line.text) for line in other):
            for line in side:
                line.narrow = True


def _by_rows(lines: list[TextLine]) -> list[TextLine]:
    """From top to bottom; what stands at one height, from left to right."""
    remaining = sorted(lines, key=lambda line: -line.baseline)
    ordered: list[TextLine] = []
    while remaining:
        first = remaining[0]
        row = [line for line in remaining if first.baseline - line.baseline <= ROW * first.size]
        remaining = remaining[len(row) :]
        ordered += sorted(row, key=lambda line: line.x0)
    return ordered


def _gutter(lines: Sequence[TextLine]) -> float | None:
    """The x of a gap that divides the lines into columns of running text, or None.

    Both sides need several lines that stand beside each other, and most of what is not in a column must not cross.
    """
    if len(lines) < 8:  # two columns of four lines
        return None
    weights = Counter({id(line): len(line.text) for line in lines})
    total = sum(weights.values())
    low, high = min(line.x0 for line in lines), max(line.x1 for line in lines)
    best: tuple[float, float] | None = None
    inset = 0.03 * (high - low)  # ragged edges of a single column are no gutter
    edges = sorted({line.x1 + 2.0 for line in lines if low + inset < line.x1 < high - inset})
    for x in edges:
        left = [line for line in lines if line.x1 <= x]
        right = [line for line in lines if line.x0 >= x + 3.0]  # 5 points clear, wider than a space
        crossing = len(lines) - len(left) - len(right)
        # Titles, abstracts and wide figures cross, and on a first page they are many; at .63 three paragraphs fewer
        # stay whole, at .32 one more does and recall loses .0002.
        if len(left) < 4 or len(right) < 4 or crossing > 0.45 * len(lines):
            continue
        lesser = min(sum(weights[id(line)] for line in side) for side in (left, right))
        # Fewer characters than that are no column but a figure's labels or a page number.
        if lesser < 0.03 * total or not _beside(left, right) or _tabular(left, right):
            continue
        score = lesser / total - crossing / len(lines)
        if best is None or score > best[0]:
            clear = min(line.x0 for line in right)
            best = (score, (x + clear) / 2 if clear > x else x)
    return best[1] if best else None


def _beside(left: Sequence[TextLine], right: Sequence[TextLine]) -> bool:
    """Whether the two sides share a good part of their height."""
    top = min(max(line.baseline for line in side) for side in (left, right))
    bottom = max(min(line.baseline for line in side) for side in (left, right))
    lesser = min(max(line.baseline for line in side) - min(line.baseline for line in side) for side in (left, right))
    return lesser > 0 and (top - bottom) >= 0.5 * lesser  # the last page of a paper ends in the middle of a column


def _tabular(left: Sequence[TextLine], right: Sequence[TextLine]) -> bool:
    """Rows of a table: nearly every line of one side is short and stands exactly beside one of the other."""
    heights = [line.baseline for line in left]
    level = sum(any(abs(line.baseline - height) < 0.8 for height in heights) for line in right)
    words = [len(line.text.split()) for line in (*left, *right)]
    # Columns on one grid stand level too, but their lines are long. Were no table told by this, 4 more lines would pass
    # for headings and 9 paragraphs fewer would stay whole; with at most two words for four, 3 more would pass.
    return level >= 0.8 * min(len(left), len(right)) and statistics.median(words) <= 4
