"""The entries of a printed bibliography."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from plait.contracts import Reference
from plait.readers.pdf_lines import Line
from plait.readers.pdf_paragraphs import Part
from plait.readers.pdf_text import join_lines

__all__ = ["references_in", "split_bibliography"]

_MARK = re.compile(r"(?:\[\s*[\w+]{1,12}\s*\]|\(?\d{1,3}[.)])\s*(?=\S)")
_YEAR = re.compile(r"(?<![\d/.-])((?:18|19|20)\d{2})[a-z]?(?![\d/])")
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>]+")
_ARXIV = re.compile(r"arxiv[:\s./a-z]*?(\d{4}\.\d{4,5})", re.IGNORECASE)
_QUOTED = re.compile(r"[“\"\u2018](.{8,}?)[,.]?[”\"\u2019]")
_AFTER_YEAR = re.compile(r"\((?:18|19|20)\d{2}[a-z]?(?:,[^)]*)?\)\s*[.,:]?\s*(.+?)(?:[.?!](?=\s|$)|$)")


_ENTRY_START = re.compile(
    r"(?:\[\d+\]\s*)?(?:[^\W\d_][\w'\u2019-]+(?: [^\W\d_][\w'\u2019-]+)?,(?: [^\W\d_]\.[ -]?)+|.{3,120}?\(n\.d\.\))"
)
_DATED = re.compile(r"\((?:(?:18|19|20)\d{2}[a-z]?(?:,[^)]*)?|n\.d\.)\)|[,.] (?:18|19|20)\d{2}[a-z]?[.;,:]")
_LEAST_ENTRIES = 3


def split_bibliography(parts: Sequence[Part], words: set[str]) -> tuple[list[Part], list[Reference]]:
    """Parts off a bibliography without a heading: paragraphs at the very end that all look like its entries."""
    last = len(parts)
    found: list[Reference] = []
    while last and parts[last - 1].kind == "text":
        text = join_lines([line.text for line in parts[last - 1].lines], words)
        if len(text) > 1_000 or not _ENTRY_START.match(text) or not _DATED.search(text):
            break
        found.insert(0, _reference(text))
        last -= 1
    # Under a heading of their own the entries are found as such; this is for lists that only follow the text.
    if len(found) < _LEAST_ENTRIES or (last and parts[last - 1].kind == "heading"):
        return list(parts), []
    return list(parts[:last]), found


def references_in(lines: Sequence[Line], words: set[str]) -> list[Reference]:
    """Splits the lines of a bibliography into entries, by marks, hanging indents or gaps, and reads each."""
    entries: list[list[str]] = []
    starts = _starts(lines)
    for line, first in zip(lines, starts, strict=True):
        if first or not entries:
            entries.append([])
        entries[-1].append(line.text)
    return [_reference(join_lines(entry, words)) for entry in entries]


def _starts(lines: Sequence[Line]) -> list[bool]:
    """For every line, whether an entry begins there."""
    if not lines:
        return []
    marked = [_MARK.match(line.text) is not None for line in lines]
    if sum(marked) >= max(2, 0.15 * len(lines)) and marked[0]:
        return marked
    columns: dict[tuple[int, int], list[float]] = {}
    for line in lines:
        columns.setdefault((line.page, line.column), []).append(line.x0)
    indent = _hanging_indent(lines, columns)
    if indent:
        lefts = {key: min(found) for key, found in columns.items()}
        # A column that holds only continued lines has no line at the outer edge: measure it against its neighbours.
        outer = Counter(round(left) for left in lefts.values()).most_common(1)[0][0]
        flush = []
        for line in lines:
            left = lefts[line.page, line.column]
            if abs(left - outer - indent) < 2.5 and left > outer:
                left = outer
            flush.append(line.x0 - left < 0.5 * indent)
        return flush
    return [index == 0 or _gap_or_end(lines[index - 1], line) for index, line in enumerate(lines)]


def _hanging_indent(lines: Sequence[Line], columns: dict[tuple[int, int], list[float]]) -> float:
    """The usual distance between the first and the further lines of an entry; 0 where entries are set flush."""
    offsets: Counter[int] = Counter()
    for found in columns.values():
        left = min(found)
        offsets.update(round(x - left) for x in found if x - left > 3.0)
    if not offsets:
        return 0.0
    common, count = offsets.most_common(1)[0]
    return float(common) if count >= 0.15 * len(lines) and common < 60 else 0.0


def _gap_or_end(before: Line, line: Line) -> bool:
    if before.page != line.page or before.column != line.column:
        return before.text.rstrip().endswith(".")
    if before.baseline - line.baseline > 1.35 * line.size * 1.2:
        return True
    ended = before.text.rstrip().endswith((".", "/")) or _DOI.search(before.text) is not None
    return (
        ended and re.match(r"[^\W\d_][\w'\u2019-]+,\s", line.text) is not None and _YEAR.search(before.text) is not None
    )


def _reference(text: str) -> Reference:
    if mark := _MARK.match(text):
        text = text[mark.end() :]
    identifiers = {}
    if doi := _DOI.search(text):
        identifiers["doi"] = doi.group().rstrip(".,;)")
    if arxiv := _ARXIV.search(text):
        identifiers["arxiv"] = arxiv[1]
    title = _AFTER_YEAR.search(text) or _QUOTED.search(text)
    found = _YEAR.search(_DOI.sub("", text))
    return Reference(text, title[1].strip() if title else "", int(found[1]) if found else None, identifiers)
