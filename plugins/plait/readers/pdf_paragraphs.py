"""From lines in reading order to headings, paragraphs and captions, and their lines joined to running text.

Where the constants were measured, and what it means when no effect is named, stands in :mod:`plait.readers.pdf_lines`.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, takewhile
from typing import Literal

from plait.readers.headings import is_bibliography, role_of, strip_number
from plait.readers.pdf_lines import ROW, TextLine

__all__ = ["Part", "Style", "join_lines", "parts_of", "split_notes", "style_of", "vocabulary"]

_NUMBERED = re.compile(
    r"(?:\d{1,2}(?:\.\d{1,2}){0,3}\.?|[IVX]{1,5}\.|[A-Z](?:\.\d{1,2}){1,2}\.?|[A-Z]\.(?=\s\w{3}))\s+[A-Z\"“\u2018(]"
)
_DEPTH = re.compile(r"(?:\d{1,2}|[A-Z])((?:\.\d{1,2}){0,3})\.?\s")
_ITEM = re.compile(r"(?:[•◦▪‣·*\u2013—-]|\(?\d{1,2}[.)]|\(?[a-z][.)]|\(?[ivx]{1,4}\))\s+\S")
_CAPTION = re.compile(
    r"(figure|fig\.|table|tab\.|listing|algorithm|scheme|plate)\s*[\dIVX]+[a-z]?\s*[:.|\u2013—]", re.I
)
_ENDS = re.compile(r"[.!?:;][\"'”\u2019)\]]*$")
_KNOWN = re.compile(
    r"introduction|background|related work|methods?|materials and methods|results(?: and discussion)?|discussion|"
    r"conclusions?|acknowledge?ments?|summary|appendix(?: [a-z])?|funding|keywords",
    re.IGNORECASE,
)
_NOTE = re.compile(r"(?:\d{1,2}|[*†‡§¶\u2217])\s?[^\W\d_“\"(]")
_MAX_HEADING_WORDS = 18
"""Two lines of large type; with 9 one heading is missed."""
_ONE_SIZE = 0.6
"""Points by which a heading in the size of the text may be smaller than it, as capitals and bold often are. At .84
the other 10 headings are found as well, and no false one; other layouts have not been tried with it."""
_LARGER = (1.08, 0.2)
"""Times the text's size, and points on top: what is larger than that is a heading whatever else it looks like; beside a
text of 10 points, what has 11. Without the factor (.76) every line is one; at 1.5 four headings are missed."""
_APART = 1.35
"""Times the usual distance of lines: a wider one begins a paragraph. Between paragraphs there may be half a line more,
and lines with formulas stand nearly as wide. At .95, 23 of the 462 paragraphs stay whole; at 1.9, 364."""
_HYPHENS = "-\u2010\u00ad\u0002"
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_ADDRESS = re.compile(r"(?:https?:|www\.|doi\.org|10\.\d{4,9}/)\S*$")
_KEEPS_HYPHEN = frozenset(
    """
    self well high low long short open real cross multi single two one three four five six seven eight nine ten first
    second third full half large small state hands peer user data time cost end non pre post semi co
    """.split()  # noqa: SIM905 - fifty quoted words would be harder to read
)


@dataclass(frozen=True, slots=True)
class Style:
    """What is normal in this document: font size of running text, distance between its lines."""

    size: float
    leading: float


@dataclass(slots=True)
class Part:
    """A heading, a paragraph or a caption: its lines."""

    kind: Literal["heading", "text", "figure", "table"]
    lines: list[TextLine]
    level: int = 0


def style_of(lines: Sequence[TextLine]) -> Style:
    """The size most characters have, and the usual distance of lines of that size."""
    weights: Counter[float] = Counter()
    for line in lines:
        weights[round(line.size * 2) / 2] += len(line.text)
    size = weights.most_common(1)[0][0] if weights else 10.0  # rounded to half a point
    gaps = [
        before.baseline - after.baseline
        for before, after in pairwise(lines)
        if before.page == after.page and before.column == after.column and abs(after.size - size) < 0.6
    ]
    gaps = [gap for gap in gaps if 0.8 * size < gap < 2.5 * size]  # neither cells of a row nor over a figure
    return Style(size, statistics.median(gaps) if gaps else 1.2 * size)  # what printers set solid text with


def parts_of(lines: Sequence[TextLine], style: Style) -> list[Part]:
    """Groups lines; heading levels are 1 for the largest or outermost style of heading."""
    parts: list[Part] = []
    edges = _edges(lines)
    for index, line in enumerate(lines):
        before = lines[index - 1] if index else None
        after = lines[index + 1] if index + 1 < len(lines) else None
        last = parts[-1] if parts else None
        if _is_heading(line, before, after, style, edges):
            same = last is not None and last.kind == "heading" and before is not None
            if same and last is not None and before is not None and _one_heading(before, line):
                last.lines.append(line)
            else:
                parts.append(Part("heading", [line]))
        elif caption := _CAPTION.match(line.text):
            kind: Literal["figure", "table", "text"] = "text"
            if caption[1].casefold().startswith("fig"):
                kind = "figure"
            elif caption[1].casefold().startswith("tab"):
                kind = "table"
            parts.append(Part(kind, [line]))
        elif (
            last is None or last.kind == "heading" or before is None or _new_paragraph(last, before, line, edges, style)
        ):
            parts.append(Part("text", [line]))
        else:
            last.lines.append(line)
    _demote_authors(parts)
    _set_levels(parts)
    return parts


def split_notes(lines: Sequence[TextLine], style: Style) -> tuple[list[TextLine], list[TextLine]]:
    """Parts footnotes from the text: the smaller lines at the foot of a column, from the first that bears a mark on.

    Left where they stand, they would be taken into the paragraph that goes on over the page.
    """
    text: list[TextLine] = []
    notes: list[TextLine] = []
    for _, group in groupby(lines, key=lambda line: (line.page, line.column)):
        column = list(group)
        first = len(column)
        while first and column[first - 1].size <= style.size - 0.7:  # a point less is usual; half may be rounding
            first -= 1
        marks = [index for index in range(first, len(column)) if _NOTE.match(column[index].text)]
        cut = marks[0] if marks and first > 0 else len(column)
        text += column[:cut]
        notes += column[cut:]
    return text, notes


Edges = dict[tuple[int, int], tuple[float, float]]


def _edges(lines: Sequence[TextLine]) -> Edges:
    """Left and right edge of the text in every column of every page."""
    columns: dict[tuple[int, int], list[TextLine]] = {}
    for line in lines:
        columns.setdefault((line.page, line.column), []).append(line)
    return {
        key: (
            # Of a few lines none repeats the edge often enough to be told from indents.
            statistics.mode(round(line.x0) for line in found) if len(found) > 3 else min(line.x0 for line in found),
            max(line.x1 for line in found),
        )
        for key, found in columns.items()
    }


def _is_heading(line: TextLine, before: TextLine | None, after: TextLine | None, style: Style, edges: Edges) -> bool:
    text = line.text
    words = text.split()
    letters = sum(character.isalpha() for character in text)
    # Formulas, numbers and page furniture have few letters. With 6 for 3, two headings are missed.
    if not 1 <= len(words) <= _MAX_HEADING_WORDS or letters < 3 or letters < 0.5 * len(text.replace(" ", "")):
        return False
    if line.narrow or _CAPTION.match(text) or text[0].islower():
        return False
    if any(other is not None and _same_row(line, other) for other in (before, after)):
        return False  # the head of a table
    if text[-1] in ",;" or (text[-1] == "." and len(words) > 3 and not _NUMBERED.match(text)):
        return False  # the end of a sentence; "Proof." and "Data sets." are headings
    if line.size >= _LARGER[0] * style.size + _LARGER[1]:
        return True
    left, right = edges[line.page, line.column]
    apart = before is None or before.page != line.page or before.column != line.column
    # A little less than between paragraphs, for the size of a heading takes part of the space above it. At .88, that is
    # with lines of running text, 2 more false headings.
    apart = apart or (before is not None and before.baseline - line.baseline > 1.25 * style.leading)
    # Full lines of bold text are no headings. At 1.2, that is with full lines, 4 more false ones; at .6 one less.
    short = line.x1 < left + 0.85 * (right - left)
    sized = line.size >= style.size - _ONE_SIZE
    numbered = _NUMBERED.match(text) is not None and sized
    capitals = text.upper() == text and letters >= 4  # three may be an abbreviation
    # "Abstract" and "References" are set up to a point smaller, together with what they head.
    if _is_known(text) and (line.bold or capitals or apart) and line.size >= style.size - 1.1:
        return True
    if line.bold and not _one_style(before, after) and short and (apart or numbered) and sized:
        return True
    # Items of a numbered list stand close to their next line, and are longer. At .81, that is without that distance,
    # 4 more false headings.
    isolated = apart and after is not None and line.baseline - after.baseline > 1.15 * style.leading
    return numbered and short and (capitals or isolated) and len(words) <= 12 and not text.endswith(".")


def _same_row(line: TextLine, other: TextLine) -> bool:
    return other.page == line.page and abs(other.baseline - line.baseline) < ROW * line.size


def _one_style(before: TextLine | None, after: TextLine | None) -> bool:
    """Whether the lines around are bold too: a bold paragraph or table head is no heading."""
    return before is not None and before.bold and after is not None and after.bold


def _one_heading(before: TextLine, line: TextLine) -> bool:
    near = before.page == line.page and before.column == line.column
    near = near and 0 < before.baseline - line.baseline < 1.6 * line.size  # lines of one heading are set at 1.2 or so
    return near and abs(before.size - line.size) < 0.3 and before.bold == line.bold and not _NUMBERED.match(line.text)


def _new_paragraph(last: Part, before: TextLine, line: TextLine, edges: Edges, style: Style) -> bool:
    ended = _ENDS.search(before.text) is not None
    if line.narrow != before.narrow:
        return True
    if before.page != line.page or before.column != line.column:
        if last.kind in {"figure", "table"}:
            return True
        return ended and not line.text[:1].islower()
    gap = before.baseline - line.baseline
    if abs(gap) <= ROW * line.size:
        return False  # cells of one row, or pieces of one line
    if gap < 0 or gap > _APART * max(style.leading * line.size / style.size, 1.0):
        return True
    if abs(line.size - before.size) > 0.8:  # quotations and captions; half a point may be a line full of formulas
        return True
    if _ITEM.match(line.text):
        return True
    left, right = edges[line.page, line.column]
    indent = line.x0 - left
    started = last.lines[0]
    # An indent is one to two font sizes; further in stands a formula, or a cell.
    if ended and 0.7 * line.size < indent < 4 * line.size and before.x0 - left < 0.5 * line.size:
        return not _ITEM.match(started.text)  # the indented lines of a list item go on
    # Without an indent, by a last line that leaves a fifth empty. At .56 one paragraph more stays whole; at 1.12, that
    # is after any line that ends a sentence, 92 fewer.
    return ended and before.x1 < left + 0.8 * (right - left) and indent < 0.5 * line.size and not line.text[0].islower()


def _demote_authors(parts: Sequence[Part]) -> None:
    """Large lines that open the first page are authors and addresses, unless they look like the headings further on."""
    headings = [part for part in parts if part.kind == "heading"]
    leading = list(takewhile(lambda part: part.lines[0].page == 0 and not _is_known(part.lines[0].text), headings))
    others = headings[len(leading) :]
    looks = {_look(part) for part in others}
    largest = others[0].lines[0].size if others else 0.0  # no subsection comes before the first section
    for part in leading:
        if _look(part) not in looks or part.lines[0].size < largest - 0.5:  # half a point may be rounding
            part.kind = "text"


def _is_known(text: str) -> bool:
    plain = strip_number(text).rstrip(" .:")
    return _KNOWN.fullmatch(plain) is not None or is_bibliography(text) or role_of(text) == "abstract"


def _set_levels(parts: Sequence[Part]) -> None:
    headings = [part for part in parts if part.kind == "heading"]
    styles = sorted({_look(part) for part in headings}, reverse=True)
    for part in headings:
        part.level = min(1 + styles.index(_look(part)), 6)  # as deep as HTML and Markdown go
        numbered = _DEPTH.match(part.lines[0].text)
        if numbered and _NUMBERED.match(part.lines[0].text):
            part.level = 1 + numbered[1].count(".")


def _look(part: Part) -> tuple[float, bool]:
    return round(part.lines[0].size), part.lines[0].bold


def vocabulary(lines: Iterable[str]) -> set[str]:
    """The words of a document that no line end can have cut, in lower case."""
    words: set[str] = set()
    for line in lines:
        found = [match.group().casefold().replace("\u2010", "-") for match in _WORD.finditer(line)]
        words.update(found[:-1] if line.rstrip().endswith(tuple(_HYPHENS)) else found)
    return words


def join_lines(lines: Sequence[str], words: set[str]) -> str:
    """One paragraph from its lines. A hyphen at a line end goes, unless the document writes the word with it.

    Example:
        >>> join_lines(["We use well-", "known repre-", "sentations, see https://doi.org/10.1/", "ab."], {"x"})
        'We use well-known representations, see https://doi.org/10.1/ab.'
    """
    text = ""
    for line in lines:
        line = line.strip()
        if not line:
            continue
        text = _append(text, line, words) if text else line
    return text.replace("\u00ad", "").replace("\u0002", "-")


def _append(text: str, line: str, words: set[str]) -> str:
    if text[-1] in _HYPHENS and len(text) > 1 and text[-2].isalpha():
        return _after_hyphen(text, line, words)
    address = _ADDRESS.search(text)
    if re.search(r"\d[-\u2013]$", text) and line[0].isdigit():
        return text + line
    # A full stop ends a sentence far more often than it breaks an address before a capital.
    ends = text[-1] == "." and line[0].isupper()
    if address and not ends and (text[-1] in "/:._=&?#%" or line[0] in "/.?=&#%_-"):
        return text + line
    return f"{text} {line}"


def _after_hyphen(text: str, line: str, words: set[str]) -> str:
    if not line[0].isalpha():
        return text + line if line[0].isdigit() else f"{text} {line}"
    before = re.search(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*$", text[:-1])
    after = re.match(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*", line)
    if before is None or after is None:
        return text + line
    left, right = before.group().casefold(), after.group().casefold()
    if text[-1] in "\u00ad\u0002" and f"{left}-{right}" not in words:
        return text[:-1] + line
    if f"{left}-{right}" in words and left + right not in words:
        return text[:-1] + "-" + line
    if left + right in words:
        return text[:-1] + line
    # Two words that the document writes apart as well; of shorter ones chance alone has many ("in-", "form").
    both_words = len(left) >= 4 and len(right) >= 4 and left in words and right in words
    if line[0].isupper() or "-" in left or left in _KEEPS_HYPHEN or both_words:
        return text[:-1] + "-" + line
    return text[:-1] + line
