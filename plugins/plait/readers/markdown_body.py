"""The body of a Markdown file as sections of blocks, mathematics between dollars kept as it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from plait.contracts import Block, Equation, Figure, ReadReport, Reference, Section, Table, Text
from plait.readers.headings import is_bibliography, role_of
from plait.readers.metadata import one_line

__all__ = ["MarkdownBody"]

_CAPTION = re.compile(r"table(?:\s+[\w.]+)?\s*:\s*(.+)", re.IGNORECASE | re.DOTALL)
_NESTING = (1_000, 200, 20)
"""Levels of blocks (a list counts twice) to try, for the parser calls itself for each."""
_BREAKS = {"softbreak": " ", "hardbreak": "\n"}


def _parse(text: str) -> tuple[list[Token], int]:
    """The tokens of ``text``, and in how many places something was nested too deeply to be among them."""
    parser = _add_math(MarkdownIt("commonmark").enable("table"))
    # Below maxNesting the parser drops blocks without a word; inside a line it keeps the characters as they are.
    inline = parser.options["maxNesting"]
    parser.core.ruler.before("inline", "nesting", lambda _state: parser.options.__setitem__("maxNesting", inline))
    for limit in _NESTING:
        parser.options["maxNesting"] = limit
        try:
            tokens = parser.parse(text)
        except RecursionError:
            if limit == _NESTING[-1]:
                raise
            continue
        full = {"blockquote_open", "list_item_open"}
        return tokens, sum(token.type in full and token.level >= limit - 1 for token in tokens)
    raise AssertionError("unreachable: the last limit returns or raises")


class MarkdownBody:
    r"""Parses ``text``; ``title``, ``sections`` and ``references`` hold what was found.

    Args:
        text: Markdown without front matter.
        title: the title, if the front matter gave one; a first level-1 heading that repeats it is not kept twice.
        where: the file, for the report.
        report: counts raw HTML, text nested too deeply, and pictures inside running text (their captions stay in it).

    Example:
        >>> body = MarkdownBody("# Braids\n\n## Data\n\n- *three* strands\n\n$$ a_i $$", "", "a.md", ReadReport())
        >>> body.title, body.sections[0].title, [block.text for block in body.sections[0].blocks]
        ('Braids', 'Data', ['- three strands', 'a_i'])
    """

    def __init__(self, text: str, title: str, where: str, report: ReadReport) -> None:
        self.title = title
        self.sections: tuple[Section, ...] = ()
        self.references: tuple[Reference, ...] = ()
        self._where = where
        self._report = report
        self._heading = ""
        self._level = 1
        self._blocks: list[Block] = []
        self._caption = ""
        self._bibliography_level = 0
        tokens, lost = _parse(text)
        if lost:
            report.skip(where, "text nested too deeply", lost)
        self._walk(tokens)
        self._close_section()

    def _walk(self, tokens: Sequence[Token]) -> None:
        index = 0
        while index < len(tokens):
            token = tokens[index]
            end = _matching(tokens, index)
            inside = tokens[index + 1 : end]
            if token.type == "heading_open":
                self._open_section(self._plain(inside[0]), int(token.tag[1:]))
            elif token.type == "paragraph_open":
                self._paragraph(inside[0], tokens[end + 1].type if end + 1 < len(tokens) else "")
            elif token.type in {"bullet_list_open", "ordered_list_open"}:
                self._list(tokens[index : end + 1])
            elif token.type == "table_open":
                self._add(self._table(inside))
            elif token.type in {"fence", "code_block"}:
                self._add(Text(token.content.strip("\n")))
            elif token.type == "math_block":
                self._add(Equation(token.content.strip()))
            elif token.type == "html_block":
                self._report.skip(self._where, "raw HTML")
            elif token.type == "blockquote_open":
                self._walk(inside)
            index = end + 1

    def _open_section(self, heading: str, level: int) -> None:
        if level == 1 and not self._blocks and not self.sections and not self._heading:
            if not self.title:
                self.title = heading
                return
            if heading.casefold() == self.title.casefold():
                return
        self._close_section()
        self._heading, self._level = heading, level
        if self._bibliography_level and level > self._bibliography_level:
            return
        self._bibliography_level = level if is_bibliography(heading) else 0

    def _close_section(self) -> None:
        if self._caption:
            self._blocks.append(Text(self._caption))
            self._caption = ""
        if self._bibliography_level:
            entries = [line for block in self._blocks for line in block.text.split("\n")]
            entries = [re.sub(r"^\s*(?:[-*+]|\[?\d+[.)\]])\s+", "", entry).strip() for entry in entries]
            self.references += tuple(Reference(text=entry) for entry in entries if entry)
        elif self._heading or self._blocks:
            section = Section(self._heading, tuple(self._blocks), self._level, role_of(self._heading))
            self.sections += (section,)
        self._heading, self._blocks = "", []

    def _add(self, block: Block) -> None:
        if self._caption and not isinstance(block, Table):
            self._blocks.append(Text(self._caption))
            self._caption = ""
        if block.text or isinstance(block, Figure):
            self._blocks.append(block)

    def _paragraph(self, inline: Token, following: str) -> None:
        children = inline.children or []
        images = [child for child in children if child.type == "image"]
        around = [c for c in children if c.type not in {"image", "softbreak", "hardbreak", "link_open", "link_close"}]
        if images and not any(child.content.strip() or child.type != "text" for child in around):
            for image in images:
                path = unquote(str(image.attrs.get("src", "")))
                self._add(Figure(path, one_line(self._plain(image, in_picture=True))))
            return
        text = self._plain(inline)
        if following == "table_open" and "\n" not in text and _CAPTION.fullmatch(text):
            self._caption = text
            return
        self._add(Text(text))

    def _table(self, tokens: Sequence[Token]) -> Table:
        rows: list[list[str]] = []
        header: tuple[str, ...] = ()
        for index, token in enumerate(tokens):
            if token.type == "tr_open":
                rows.append([])
            elif token.type in {"th_open", "td_open"}:
                rows[-1].append(one_line(self._plain(tokens[index + 1])))
            elif token.type == "thead_close":
                header, rows = tuple(rows[0]), []
        match = _CAPTION.fullmatch(self._caption)
        self._caption = ""
        return Table(header, tuple(tuple(row) for row in rows), match[1] if match else "")

    def _list(self, tokens: Sequence[Token]) -> None:
        """A list becomes one text, an item a line; what stands inside an item stays with it."""
        lines: list[str] = []
        depth = -1
        marks: list[tuple[str, int]] = []
        pending = ""
        for token in tokens:
            if token.type in {"bullet_list_open", "ordered_list_open"}:
                depth += 1
                marks.append((token.type, int(token.attrs.get("start", 1))))
            elif token.type in {"bullet_list_close", "ordered_list_close"}:
                depth -= 1
                marks.pop()
            elif token.type == "list_item_open":
                kind, number = marks[-1]
                pending = "  " * depth + ("- " if kind == "bullet_list_open" else f"{number}. ")
                marks[-1] = (kind, number + 1)
            elif token.type in {"inline", "fence", "code_block", "math_block"}:
                text = self._plain(token) if token.type == "inline" else token.content.strip("\n")
                for line in text.split("\n"):
                    if line.strip():
                        lines.append((pending or "  " * (depth + 1)) + line.strip())
                        pending = ""
            elif token.type == "html_block":
                self._report.skip(self._where, "raw HTML")
        self._add(Text("\n".join(lines)))

    def _plain(self, inline: Token, in_picture: bool = False) -> str:
        """Running text without markup."""
        parts: list[str] = []
        for child in inline.children or []:
            if child.type in {"text", "code_inline", "math_inline"}:
                parts.append(child.content)
            elif child.type in _BREAKS:
                parts.append(_BREAKS[child.type])
            elif child.type == "image":
                if not in_picture:
                    self._report.skip(self._where, "picture inside running text (its caption was kept)")
                parts.append(self._plain(child, in_picture=True))
            elif child.type == "html_inline":
                self._report.skip(self._where, "raw HTML")
        return "\n".join(one_line(line) for line in "".join(parts).split("\n")).strip()


def _matching(tokens: Sequence[Token], index: int) -> int:
    """The index of the token that closes ``tokens[index]``; itself if it opens nothing."""
    depth = 0
    for position in range(index, len(tokens)):
        depth += tokens[position].nesting
        if depth == 0:
            return position
    return len(tokens) - 1


def _add_math(parser: MarkdownIt) -> MarkdownIt:
    """Teaches ``parser`` the tokens ``math_block`` and ``math_inline``; returns it.

    Without them Markdown would take the asterisks and underscores of a formula for emphasis and its backslashes for
    escapes.
    """
    parser.block.ruler.before(
        "fence", "math_block", _math_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.inline.ruler.before("escape", "math_inline", _math_inline)
    return parser


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """``$$ ... $$`` over one or several lines; without a closing pair it stays ordinary text."""
    if state.is_code_block(start):
        return False
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if not first.startswith("$$"):
        return False
    lines = [first[2:]]
    line = start
    while "$$" not in lines[-1]:
        line += 1
        if line >= end or (state.isEmpty(line) and line + 1 >= end):
            return False
        lines.append(state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]])
    content, _, rest = lines[-1].partition("$$")
    if rest.strip():
        return False
    if silent:
        return True
    lines[-1] = content
    token = state.push("math_block", "math", 0)
    token.content = "\n".join(lines)
    token.map = [start, line + 1]
    state.line = line + 1
    return True


def _math_inline(state: StateInline, silent: bool) -> bool:
    """``$x$``, by Pandoc's rule: no space inside the dollars, no digit after the second (prices stay prices)."""
    source, start = state.src, state.pos
    if source[start] != "$":
        return False
    width = 2 if source.startswith("$$", start) else 1
    opened = start + width
    if opened >= state.posMax or (width == 1 and source[opened].isspace()):
        return False
    closed = source.find("$" * width, opened)
    while closed > 0 and source[closed - 1] == "\\":
        closed = source.find("$" * width, closed + 1)
    if closed < 0 or closed + width > state.posMax or not source[opened:closed].strip():
        return False
    if width == 1 and (source[closed - 1].isspace() or source[closed + 1 : closed + 2].isdigit()):
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = source[opened:closed].strip().replace("\n", " ")
    state.pos = closed + width
    return True
