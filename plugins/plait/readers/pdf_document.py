"""Pages of positioned text as a document: its title, its sections, and the entries of its printed bibliography.

Where the constants were measured, and what it means when no effect is named, stands in :mod:`plait.readers.pdf_lines`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plait.contracts import Block, Document, Figure, ReadReport, Reference, Section, Source, Text
from plait.readers.headings import Role, is_bibliography, role_of
from plait.readers.metadata import one_line
from plait.readers.pdf_lines import PdfPages, TextLine, lines_of, reading_order, running_heads
from plait.readers.pdf_paragraphs import Part, join_lines, parts_of, split_notes, style_of, vocabulary

__all__ = ["document_of", "references_in", "split_bibliography"]

_NO_TITLE = re.compile(
    r"(?:untitled|microsoft \w+ -|title|document\d*|slide \d+|.*\.(?:docx?|dvi|tex|pdf|indd|qxd|rtf))\b.*", re.I
)
_ABSTRACT = re.compile(r"abstract\s*[.:—\u2013-]\s*(?=\S)", re.IGNORECASE)
_MAX_FRONT = 3_000
"""Characters before the first heading that may be authors and addresses; a page has about as many. More is text."""
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
"""Entries that make a bibliography of paragraphs without a heading; one or two may be notes. With 6, four titles of
references stay in the text of a paper and 5 of 353 references are missed."""
_ENTRY_SHARE = 0.15
"""Share of a bibliography's lines that bear the mark, or the indent, which tells its entries apart: one in seven, for
entries of up to six lines."""


def document_of(pages: PdfPages, path: Path, source: Source, report: ReadReport) -> Document:
    """Builds the document; what is left out is counted in ``report``."""
    where = path.as_posix()
    raw = [lines_of(page) for page in pages.pages]
    heads = running_heads(pages.pages, raw)
    for what, count in (
        ("running head or page number", len(heads)),
        ("picture", sum(page.pictures for page in pages.pages)),
        ("rotated character", sum(page.rotated for page in pages.pages)),
        ("character without Unicode value", sum(page.unmapped for page in pages.pages)),
        ("page without text", sum(not page.fragments for page in pages.pages)),
    ):
        if count:
            report.skip(where, what, count)
    lines = [line for page in raw for line in reading_order([line for line in page if id(line) not in heads])]
    title, title_lines = _title(lines, pages.metadata.get("Title", ""), pages.pages[0].height)
    lines = [line for line in lines if id(line) not in title_lines]
    body = [line for line in lines if not line.narrow]
    margin = [line for line in lines if line.narrow]
    words = vocabulary(line.text for line in lines)
    sections: list[Section] = []
    references: list[Reference] = []
    if body:
        style = style_of(body)
        body, notes = split_notes(body, style)
        parts, unheaded = split_bibliography(parts_of(body, style), words)
        sections, references = _sections(parts, words)
        references += unheaded
        if notes:
            found = parts_of(notes, style_of(notes))
            below = [Text(join_lines([line.text for line in part.lines], words)) for part in found]
            sections.append(Section("Notes", tuple(below)))
    if margin:
        beside = [
            Text(join_lines([line.text for line in part.lines], words)) for part in parts_of(margin, style_of(margin))
        ]
        sections.append(Section("", tuple(beside), 1, "front"))
    metadata: dict[str, Any] = {}
    if authors := [one_line(name) for name in re.split(r"[;,]| and ", pages.metadata.get("Author", ""))]:
        metadata["authors"] = [name for name in authors if name]
    metadata = {key: value for key, value in metadata.items() if value}
    return Document(path.stem, title or path.stem, tuple(sections), metadata, tuple(references), source)


def _title(lines: Sequence[TextLine], told: str, height: float) -> tuple[str, set[int]]:
    """The title and the ``id`` of its lines: the largest type on the first page, or what the metadata says.

    The metadata are believed only if their words stand on the first page, as those of all 33 measured papers do.
    Without them the type alone finds all 33 titles as well.
    """
    first = [line for line in lines if line.page == 0]
    # Initials and ornaments may be larger than the title, and short; with 6 characters for 3 one title loses a line.
    upper = [line for line in first if line.baseline > 0.4 * height and len(line.text) > 3]
    told = one_line(told)
    if told and not _NO_TITLE.fullmatch(told):
        wanted = _letters(told)
        for start in range(len(first)):
            joined, used = "", set()
            for line in first[start : start + 6]:  # lines of the longest titles
                joined += _letters(line.text)
                used.add(id(line))
                if joined == wanted:
                    return told, used
                if not wanted.startswith(joined):
                    break
    if not upper:
        return "", set()
    size = max(line.size for line in upper)
    others = [line.size for line in first if line.size < size - 0.5]  # half a point may be rounding
    if not others or size < 1.1 * max(set(others), key=others.count):
        return "", set()  # hardly larger than the text: it has no title, or one that type does not tell
    chosen: list[TextLine] = []
    for line in upper:
        # The lines of one title are set at up to twice their size; what stands further off is something else.
        if line.size >= size - 0.5 and (not chosen or chosen[-1].baseline - line.baseline < 2.2 * size):
            chosen.append(line)
        elif chosen:
            break
    text = join_lines([line.text for line in chosen], set())
    return (text, {id(line) for line in chosen}) if len(text) <= 400 else ("", set())  # a poster


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _sections(parts: Sequence[Part], words: set[str]) -> tuple[list[Section], list[Reference]]:
    sections: list[Section] = []
    references: list[Reference] = []
    heading, level, role = "", 1, _opening_role(parts)
    blocks: list[Block] = []
    bibliography: list[TextLine] = []
    in_bibliography = False

    def close() -> None:
        nonlocal blocks, bibliography
        references.extend(references_in(bibliography, words))
        if heading or blocks:
            sections.append(Section(heading, tuple(blocks), level, role))
        blocks, bibliography = [], []

    for part in parts:
        text = join_lines([line.text for line in part.lines], words)
        if part.kind == "heading" and not (in_bibliography and _inside_bibliography(part, level)):
            close()
            in_bibliography = is_bibliography(text)
            heading, level, role = ("", part.level, "body") if in_bibliography else (text, part.level, role_of(text))
        elif in_bibliography:
            bibliography += part.lines
        elif part.kind == "figure":
            blocks.append(Figure("", text))
        elif abstract := _ABSTRACT.match(text) if part.kind == "text" else None:
            close()
            heading, level, role = "Abstract", 1, "abstract"
            blocks.append(Text(text[abstract.end() :]))
        else:
            blocks.append(Text(text))
    close()
    return sections, references


def _inside_bibliography(part: Part, level: int) -> bool:
    """A bold or large line among references does not end them, unless it looks as high as their own heading."""
    return part.level > level


def _opening_role(parts: Sequence[Part]) -> Role:
    """What stands before the first heading: authors and addresses, unless it is long or there is no heading."""
    length = 0
    for part in parts:
        if part.kind == "heading" or _ABSTRACT.match(part.lines[0].text):
            return "front" if length <= _MAX_FRONT else "body"
        length += sum(len(line.text) for line in part.lines)
    return "body"


def split_bibliography(parts: Sequence[Part], words: set[str]) -> tuple[list[Part], list[Reference]]:
    """Parts off a bibliography without a heading: paragraphs at the very end that all look like its entries."""
    last = len(parts)
    found: list[Reference] = []
    while last and parts[last - 1].kind == "text":
        text = join_lines([line.text for line in parts[last - 1].lines], words)
        # All but 3 of the 353 entries have fewer than 620.
        if len(text) > 1_000 or not _ENTRY_START.match(text) or not _DATED.search(text):
            break
        found.insert(0, _reference(text))
        last -= 1
    # Under a heading of their own the entries are found as such; this is for lists that only follow the text.
    if len(found) < _LEAST_ENTRIES or (last and parts[last - 1].kind == "heading"):
        return list(parts), []
    return list(parts[:last]), found


def references_in(lines: Sequence[TextLine], words: set[str]) -> list[Reference]:
    """Splits the lines of a bibliography into entries, by marks, hanging indents or gaps, and reads each."""
    entries: list[list[str]] = []
    starts = _starts(lines)
    for line, first in zip(lines, starts, strict=True):
        if first or not entries:
            entries.append([])
        entries[-1].append(line.text)
    return [_reference(join_lines(entry, words)) for entry in entries]


def _starts(lines: Sequence[TextLine]) -> list[bool]:
    """For every line, whether an entry begins there."""
    if not lines:
        return []
    marked = [_MARK.match(line.text) is not None for line in lines]
    if sum(marked) >= max(2, _ENTRY_SHARE * len(lines)) and marked[0]:
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
            if abs(left - outer - indent) < 2.5 and left > outer:  # points: rounding of both, and a bracket's width
                left = outer
            flush.append(line.x0 - left < 0.5 * indent)
        return flush
    return [index == 0 or _gap_or_end(lines[index - 1], line) for index, line in enumerate(lines)]


def _hanging_indent(lines: Sequence[TextLine], columns: dict[tuple[int, int], list[float]]) -> float:
    """The usual distance between the first and the further lines of an entry; 0 where entries are set flush."""
    offsets: Counter[int] = Counter()
    for found in columns.values():
        left = min(found)
        offsets.update(round(x - left) for x in found if x - left > 3.0)  # less is how letters stand
    if not offsets:
        return 0.0
    common, count = offsets.most_common(1)[0]
    # Hanging indents are 10 to 40 points; 60 is a column of its own, such as years at the right.
    return float(common) if count >= _ENTRY_SHARE * len(lines) and common < 60 else 0.0


def _gap_or_end(before: TextLine, line: TextLine) -> bool:
    if before.page != line.page or before.column != line.column:
        return before.text.rstrip().endswith(".")
    if before.baseline - line.baseline > 1.35 * line.size * 1.2:  # as between paragraphs, of lines set at 1.2
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
