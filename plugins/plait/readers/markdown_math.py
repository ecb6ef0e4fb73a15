"""Mathematics between dollars, as a rule for blocks and one for running text.

Without them Markdown would take the asterisks and underscores of a formula for emphasis and its backslashes for
escapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

__all__ = ["add_math"]


def add_math(parser: MarkdownIt) -> MarkdownIt:
    """Teaches ``parser`` the tokens ``math_block`` and ``math_inline``; returns it.

    Example:
        >>> from markdown_it import MarkdownIt
        >>> [token.content for token in add_math(MarkdownIt()).parse("$$ a_i * b_i $$")]
        [' a_i * b_i ']
    """
    parser.block.ruler.before("fence", "math_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.inline.ruler.before("escape", "math_inline", _inline)
    return parser


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
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


def _inline(state: StateInline, silent: bool) -> bool:
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
