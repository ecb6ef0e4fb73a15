"""JATS body elements as sections of blocks: paragraphs, lists, equations, figures, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.contracts import Block, Equation, Figure, ReadReport, Section, Table, Text
from plait.readers.headings import Role, role_of
from plait.readers.jats_text import child_text, first, formula, href, local, plain, raw, under
from plait.readers.metadata import one_line

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["SectionBuilder"]

_MAX_SPAN = 100
"""Most columns that one cell may claim: a colspan of a million would fill the memory."""
_BLOCKS = {
    "p", "list", "def-list", "disp-formula", "disp-formula-group", "table-wrap", "table-wrap-group", "fig", "fig-group",
    "disp-quote", "verse-group", "preformat", "code", "boxed-text", "statement", "sec", "supplementary-material",
    "graphic", "media", "fn", "fn-group", "speech", "array", "table", "chem-struct-wrap",
}  # fmt: skip
_NO_TEXT = {"label", "title", "object-id", "ref-list", "sec-meta"}


class SectionBuilder:
    """Collects blocks under headings, in document order.

    Example:
        >>> from lxml import etree
        >>> builder = SectionBuilder("a.xml", ReadReport())
        >>> builder.open("", 1, "body")
        >>> builder.content(etree.fromstring("<body><p>One.</p><sec><title>Data</title><p>Two.</p></sec></body>"), 0)
        >>> [(section.title, section.level, section.blocks[0].text) for section in builder.sections()]
        [('', 1, 'One.'), ('Data', 1, 'Two.')]
    """

    def __init__(self, where: str, report: ReadReport) -> None:
        self._where = where
        self._report = report
        self._done: list[Section] = []
        self._heading: tuple[str, int, Role] = ("", 1, "body")
        self._blocks: list[Block] = []

    def sections(self) -> tuple[Section, ...]:
        """All sections so far; closes the one that is open."""
        self.open("", 1, "body")
        return tuple(self._done)

    def open(self, title: str, level: int, role: Role) -> None:
        """Closes the open section and begins another."""
        if self._blocks or self._heading[0]:
            heading, depth, kind = self._heading
            self._done.append(Section(heading, tuple(self._blocks), depth, kind))
        self._heading, self._blocks = (title, level, role), []

    def section(self, element: _Element, level: int, role: Role, title: str = "") -> None:
        """One element with a heading of its own (``title`` where it has none) and everything under it."""
        label, own = plain(first(element, "label")), plain(first(element, "title"))
        self.open(one_line(f"{label} {own}") if own else title, level, role)
        self.content(element, level, role)

    def content(self, element: _Element, level: int, role: Role = "body") -> None:
        """The blocks and sections directly under ``element``, which itself stands at ``level`` (0: the body)."""
        self._add(Text(one_line(element.text or "")))
        for child in element:
            name = local(child)
            if name == "sec":
                found = role if role != "body" else role_of(plain(first(child, "title")))
                self.section(child, level if self._heading[0] == "" and level == 1 else level + 1, found)
            elif name in _BLOCKS:
                self._block(child, level, role)
            elif name and name not in _NO_TEXT:
                self._other(child, level, role)
            if child.tail and child.tail.strip() and local(element) not in {"p"}:
                self._add(Text(one_line(child.tail)))

    def _other(self, element: _Element, level: int, role: Role) -> None:
        """An element without a rule: its blocks one by one, or its text."""
        if any(local(child) in _BLOCKS for child in element):
            self.content(element, level, role)
        else:
            self._add(Text(plain(element)))

    def _block(self, element: _Element, level: int, role: Role) -> None:
        name = local(element)
        if name == "p":
            self._paragraph(element, level, role)
        elif name in {"list", "def-list"}:
            self._add(Text("\n".join(_list_lines(element))))
        elif name == "disp-formula":
            self._add(Equation(formula(element)))
        elif name in {"table-wrap", "table", "array"}:
            blocks, lost = _tables_of(element)
            for block in blocks:
                self._add(block)
            if lost:
                self._report.skip(self._where, "table without cells", lost)
        elif name in {"fig", "chem-struct-wrap"}:
            self._figure(element)
        elif name in {"preformat", "code"}:
            self._add(Text(raw(element).strip("\n")))
        elif name == "graphic":
            self._add(Figure(href(element), alt=plain(element)))
        elif name == "media":
            self._report.skip(self._where, "<media>")
            self._add(Text(plain(element)))
        elif name == "fn":
            self._add(Text(plain(element, leave_out=lambda child: local(child) == "label")))
        else:
            self._add(Text(plain(first(element, "title"))))
            self._add(Text(_caption_of(element)))
            self._content_without_caption(element, level, role)

    def _content_without_caption(self, element: _Element, level: int, role: Role) -> None:
        """Like :meth:`content`; the caption was already taken."""
        for child in element:
            if local(child) == "sec":
                # A section inside a box does not end the section around it: its heading becomes a line of text.
                self._add(Text(plain(first(child, "title"))))
                self._content_without_caption(child, level, role)
            elif local(child) in _BLOCKS:
                self._block(child, level, role)
            elif local(child) and local(child) not in _NO_TEXT | {"caption"}:
                self._other(child, level, role)

    def _paragraph(self, element: _Element, level: int, role: Role) -> None:
        """Text between block elements becomes a text each; footnotes follow the paragraph."""
        parts = [element.text or ""]
        notes: list[_Element] = []

        def outside(child: _Element) -> bool:
            if local(child) == "fn":
                notes.append(child)
            return local(child) == "fn"

        def flush() -> None:
            self._add(Text(one_line("".join(parts))))
            parts.clear()

        for child in element:
            if local(child) in _BLOCKS and local(child) != "fn":
                flush()
                self._block(child, level, role)
                parts.append(child.tail or "")
                continue
            parts.append(child_text(child, "".join(parts), outside))
        flush()
        for note in notes:
            self._block(note, level, role)

    def _figure(self, element: _Element) -> None:
        graphics = list(under(element, "graphic"))
        alt = plain(next(under(element, "alt-text"), None))
        self._add(Figure(href(graphics[0]) if graphics else "", _caption_of(element), alt))
        for further in graphics[1:]:
            self._add(Figure(href(further)))
        for child in element:
            if local(child) in _BLOCKS - {"graphic", "fn"}:
                self._block(child, 1, "body")

    def _add(self, block: Block) -> None:
        if block.text.strip() or isinstance(block, Figure):
            self._blocks.append(block)


def _list_lines(element: _Element, depth: int = 0) -> list[str]:
    """One line an item, indented by depth, with its mark."""
    lines: list[str] = []
    ordered = str(element.get("list-type", "")) not in {"", "bullet", "simple"}
    items = [child for child in element if local(child) in {"list-item", "def-item"}]
    for number, item in enumerate(items, start=1):
        label = plain(first(item, "label"))
        mark = label or (f"{number}." if ordered else "-")
        own = plain(item, leave_out=lambda child: local(child) in {"list", "label"})
        lines.append("  " * depth + f"{mark} {own}".rstrip())
        for nested in under(item, "list"):
            if next(nested.iterancestors("{*}list", "{*}def-list"), None) is element:
                lines += _list_lines(nested, depth + 1)
    return lines


def _caption_of(element: _Element) -> str:
    """Label and caption of a figure, table or box, on one line."""
    parts = [plain(child) for child in element if local(child) in {"label", "caption"}]
    return one_line(" ".join(parts))


def _tables_of(element: _Element) -> tuple[list[Block], int]:
    """The tables in a ``table-wrap`` (or the ``table`` itself) with what stands under them, and how many had no cells.

    A table given only as a picture becomes a figure.
    """
    caption = _caption_of(element)
    tables = list(under(element, "table", "array"))
    blocks: list[Block] = []
    lost = 0
    for table in tables:
        rows = [cells for row in under(table, "tr") if any(cells := _cells(row))]
        if not rows:
            lost += 1
            continue
        heads = any(first(part, "tr") is not None for part in under(table, "thead"))
        header = rows[0] if heads or _all_heads(table) else ()
        blocks.append(Table(header, tuple(rows[1:] if header else rows), caption))
        caption = ""
    if not tables:
        graphic = next(under(element, "graphic"), None)
        if graphic is not None:
            blocks.append(Figure(href(graphic), caption))
            caption = ""
    if caption:
        blocks.insert(0, Text(caption))
    blocks += [Text(text) for child in element if local(child) == "table-wrap-foot" and (text := plain(child))]
    return blocks, lost


def _all_heads(table: _Element) -> bool:
    row = next(under(table, "tr"), None)
    return row is not None and all(local(cell) == "th" for cell in row if local(cell))


def _cells(row: _Element) -> tuple[str, ...]:
    cells: list[str] = []
    for cell in row:
        if local(cell) in {"td", "th"}:
            cells.append(plain(cell))
            span = str(cell.get("colspan", "1"))
            cells += [""] * (min(int(span), _MAX_SPAN) - 1 if span.isdecimal() else 0)
    return tuple(cells)
