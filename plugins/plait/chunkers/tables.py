"""Tables that are too big for one passage are cut between rows; caption and header go along as context."""

from __future__ import annotations

from collections.abc import Iterator

from plait.chunkers.packing import Unit, pack, units_of
from plait.chunkers.words import count_words
from plait.contracts import PlacedBlock, Table, Text

__all__ = ["table_pieces"]

_MAX_NOTE = 400


def table_pieces(text: str, placed: PlacedBlock, limit: int) -> Iterator[tuple[int, int, str]]:
    r"""Start, end and note of each piece of a table. The note of a later piece repeats caption and header.

    Example:
        >>> from plait.contracts import Document, Section
        >>> table = Table(("model", "score"), (("BM25", ".68"), ("MiniLM", ".65"), ("ours", ".71")), "SciFact")
        >>> placed = next(Document("a", "", (Section("", (table,)),)).placed())
        >>> [(table.text[start:end], note) for start, end, note in table_pieces(table.text, placed, 10)][1]
        ('MiniLM | .65\nours | .71', 'SciFact\nmodel | score')
    """
    table = placed.block
    if not isinstance(table, Table):
        raise TypeError(f"a table is cut here, not a {type(table).__name__}")
    if count_words(text[placed.start : placed.end]) <= limit:
        content = text[placed.start : placed.end]
        lead = len(content) - len(content.lstrip())
        yield placed.start + lead, placed.start + len(content.rstrip()), ""
        return
    header = " | ".join(table.header)
    note = "\n".join(part for part in (_short(table.caption), _short(header)) if part)
    units = _rows(text, placed, table, limit)
    for first, last in pack(units, limit):
        yield units[first].start, units[last - 1].end, note if first else ""


def _rows(text: str, placed: PlacedBlock, table: Table, limit: int) -> list[Unit]:
    """One unit a line of the table; a line beyond the limit is cut at sentences and words."""
    units: list[Unit] = []
    position = placed.start
    lines = [table.caption] if table.caption else []
    lines += [" | ".join(row) for row in (table.header, *table.rows) if row]
    for line in lines:
        block = PlacedBlock(placed.section, placed.path, Text(line), position, position + len(line))
        units += units_of(text, [block], limit)
        position += len(line) + 1
    return units


def _short(text: str) -> str:
    return text if len(text) <= _MAX_NOTE else text[:_MAX_NOTE].rsplit(" ", 1)[0] + " …"
