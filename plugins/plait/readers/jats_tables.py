"""JATS tables and captions."""

from __future__ import annotations

from lxml import etree

from plait.contracts import Block, Figure, Table, Text
from plait.readers.jats_inline import local, plain
from plait.readers.metadata import one_line

__all__ = ["caption_of", "tables_of"]

_HREF = "{http://www.w3.org/1999/xlink}href"
_MAX_SPAN = 100


def caption_of(element: etree._Element) -> str:
    """Label and caption of a figure, table or box, on one line."""
    parts = [plain(child) for child in element if local(child) in {"label", "caption"}]
    return one_line(" ".join(parts))


def tables_of(element: etree._Element) -> tuple[list[Block], int]:
    """The tables in a ``table-wrap`` (or the ``table`` itself) with what stands under them, and how many had no cells.

    A table given only as a picture becomes a figure.
    """
    caption = caption_of(element)
    tables = [found for found in element.iter() if local(found) in {"table", "array"}]
    blocks: list[Block] = []
    lost = 0
    for table in tables:
        rows = [_cells(row) for row in table.iter() if local(row) == "tr"]
        heads = [row for part in table.iter() if local(part) == "thead" for row in part if local(row) == "tr"]
        rows = [row for row in rows if any(row)]
        if not rows:
            lost += 1
            continue
        header = rows[0] if heads or _all_heads(table) else ()
        blocks.append(Table(header, tuple(rows[1:] if header else rows), caption))
        caption = ""
    if not tables:
        graphic = next((found for found in element.iter() if local(found) == "graphic"), None)
        if graphic is not None:
            blocks.append(Figure(str(graphic.get(_HREF, "")), caption))
            caption = ""
    if caption:
        blocks.insert(0, Text(caption))
    blocks += [Text(text) for child in element if local(child) == "table-wrap-foot" and (text := plain(child))]
    return blocks, lost


def _all_heads(table: etree._Element) -> bool:
    first = next((row for row in table.iter() if local(row) == "tr"), None)
    return first is not None and all(local(cell) == "th" for cell in first if local(cell))


def _cells(row: etree._Element) -> tuple[str, ...]:
    cells: list[str] = []
    for cell in row:
        if local(cell) in {"td", "th"}:
            cells.append(plain(cell))
            span = str(cell.get("colspan", "1"))
            cells += [""] * (min(int(span), _MAX_SPAN) - 1 if span.isdecimal() else 0)
    return tuple(cells)
