"""What a citation may point at: windows of adjacent sentences, and table rows, re-opened from the stored document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from plait.contracts import Document, Evidence, IndexView, Passage, Span, Table
from plait.text.content import content_words
from plait.text.directives import directives, parted, touch

__all__ = ["Candidate", "Unit", "units_of", "windows"]

MAX_WINDOW = 3
"""Sentences that one citation may span."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing that can be cited: a sentence, or one row of a table.

    Args:
        item: the evidence it comes from.
        start: first character in the document's text.
        end: one past the last.
        text: exactly ``document.text[start:end]``.
        block: which block of the passage it stands in; windows never cross blocks.
        context: title and headings above; for a row also the table's caption and header.
        stems: stems of its content words.
        row: whether it is a table row. Rows are cited one at a time.
        header: the span of the table's header line, for rows below it.
        header_text: what stands there. A row is cited together with its header, so both support.
        steers: whether it is no statement but meant to steer the reader (:mod:`plait.text.directives`).
    """

    item: Evidence
    start: int
    end: int
    text: str
    block: int
    context: str
    stems: frozenset[str]
    row: bool = False
    header: tuple[int, int] | None = None
    header_text: str = ""
    steers: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A window: the spans to cite, the text that must support the sentence, and what stands above it.

    ``own`` is the text without a table's header. ``steers`` says that a part of it is an instruction to the reader: it
    can be compared with a sentence, but supports none.
    """

    item: Evidence
    spans: tuple[Span, ...]
    text: str
    context: str
    size: int
    own: str
    steers: bool = False


def units_of(evidence: Sequence[Evidence], view: IndexView) -> list[Unit]:
    """All units of the evidence, in the order of the evidence. Each document is opened once.

    What steers is sought in each passage as the model sees it. A sentence that two passages share is in doubt if it is
    in one of them.
    """
    opened: dict[str, Document] = {}
    doubtful: dict[str, list[tuple[int, int]]] = {}
    found: list[Unit] = []
    seen: set[tuple[str, int, int]] = set()
    for item in evidence:
        document_id = item.passage.document_id
        if document_id not in opened:
            opened[document_id] = view.document(document_id)
        start, text = item.passage.start, opened[document_id].text
        spans = directives(text[start : item.passage.end])
        doubtful.setdefault(document_id, []).extend((start + a, start + b) for a, b in spans)
    for item in evidence:
        document_id = item.passage.document_id
        for unit in _passage_units(item, opened[document_id], doubtful[document_id]):
            key = (document_id, unit.start, unit.end)
            if key not in seen:  # overlapping passages share sentences
                seen.add(key)
                found.append(unit)
    return found


def windows(units: Sequence[Unit], keep: frozenset[str]) -> Iterator[Candidate]:
    """Windows of one to three adjacent units of a block, of which at least one holds a stem of ``keep``."""
    for first, unit in enumerate(units):
        for size in range(1, MAX_WINDOW + 1):
            window = units[first : first + size]
            if len(window) < size or (size > 1 and not _adjacent(window)):
                break
            if not any(keep & part.stems for part in window):
                continue
            yield _candidate(window)
            if unit.row:
                break


def _adjacent(window: Sequence[Unit]) -> bool:
    last, before = window[-1], window[-2]
    return not last.row and last.block == before.block and last.item is before.item and last.start >= before.end


def _candidate(window: Sequence[Unit]) -> Candidate:
    first, last = window[0], window[-1]
    document_id = first.item.passage.document_id
    own = text = " ".join(part.text for part in window)
    spans = [Span(document_id, first.start, last.end)]
    if first.row and first.header is not None:
        spans.insert(0, Span(document_id, *first.header))
        text = f"{first.header_text} | {text}"
    steers = any(part.steers for part in window)
    return Candidate(first.item, tuple(spans), text, first.context, len(window), own, steers)


def _passage_units(item: Evidence, document: Document, doubtful: Sequence[tuple[int, int]]) -> Iterator[Unit]:
    passage = item.passage
    blocks = list(document.placed())
    if not blocks:  # a title, perhaps with headings, is all there is: it can be quoted, and nothing stands above it
        yield from _sentences(item, document.text, passage.start, passage.end, 0, "", doubtful)
    for number, placed in enumerate(blocks):
        start, end = max(placed.start, passage.start), min(placed.end, passage.end)
        if start >= end:
            continue
        context = " ".join(part for part in (document.title, *placed.path) if not directives(part))
        if isinstance(placed.block, Table):
            rows = _rows(item, document.text, placed.block, placed.start, passage, number, context)
            yield from (replace(row, steers=touch(row.start, row.end, doubtful)) for row in rows)
        else:
            yield from _sentences(item, document.text, start, end, number, context, doubtful)


def _sentences(
    item: Evidence, text: str, start: int, end: int, block: int, context: str, doubtful: Sequence[tuple[int, int]]
) -> Iterator[Unit]:
    for a, b, steers in parted(text[start:end], [(x - start, y - start) for x, y in doubtful]):
        shown = text[start + a : start + b]
        yield Unit(item, start + a, start + b, shown, block, context, _stems(shown), steers=steers)


def _rows(
    item: Evidence, text: str, table: Table, position: int, passage: Passage, number: int, context: str
) -> Iterator[Unit]:
    """The lines of a table that lie inside the passage: the caption and each row, with the header as their context."""
    header: tuple[int, int] | None = None
    if table.caption:
        caption = (position, position + len(table.caption))
        position = caption[1] + 1
        if passage.start <= caption[0] and caption[1] <= passage.end:
            shown = text[slice(*caption)]
            yield Unit(item, *caption, shown, number, context, _stems(shown))
        context = f"{context} {table.caption}"
    for order, cells in enumerate(row for row in (table.header, *table.rows) if row):
        line = " | ".join(cells)
        start, end = position, position + len(line)
        position = end + 1
        if order == 0 and table.header:
            header = (start, end)
            continue
        if start < passage.start or end > passage.end or not line.strip(" |"):
            continue
        shown = text[start:end]
        above = text[slice(*header)] if header else ""
        yield Unit(item, start, end, shown, number, context, _stems(f"{above} {shown}"), True, header, above)


def _stems(text: str) -> frozenset[str]:
    return frozenset(word.stem for word in content_words(text))
