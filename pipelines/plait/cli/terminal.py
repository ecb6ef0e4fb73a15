"""What may reach a terminal: text from documents and models can carry commands for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

__all__ = ["SafeConsole", "escaped", "harmless"]

# Escape sequences begin with one of the C0 or C1 controls; the others turn the direction of writing or break a line.
# Joiners (U+200C, U+200D) stay: Persian, Hindi and many emoji are not right without them.
_BREAKS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    r"""``text`` without characters that command a terminal or hide what is written; lines and tabs stay.

    Example:
        >>> harmless("On\x1b[31m red\u202e braids\r\n")
        'On[31m red braids\n'
    """
    return _UNSAFE.sub("", _BREAKS.sub("\n", text))


def escaped(text: str) -> str:
    r"""JSON or TOML with such characters as escapes, which loses nothing: they stand in strings only.

    Example:
        >>> print(escaped('{"title": "On \u202e braids"}'))
        {"title": "On \u202e braids"}
    """
    return _UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)


class SafeConsole(Console):
    """A console that lets its own colours and cursor movements through, and none out of what it is given."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of something to print, made harmless; everything printed comes by here."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else harmless(text), style, control)
