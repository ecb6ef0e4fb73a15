"""Finds a font of the system that has the letters of a text."""

from __future__ import annotations

from functools import cache
from typing import Any

from plait.config import require

__all__ = ["font_for", "undrawable"]

_NAMES = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "arial.ttf"),
    # For the letters that those lack.
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc", "msyh.ttc"),
    *(
        "PingFang.ttc",
        "Arial Unicode.ttf",
        "unifont.ttf",
        "NotoSansDevanagari-Regular.ttf",
        "NotoSansArabic-Regular.ttf",
    ),
)
_NOWHERE = "\U0010ffff"  # a code point that will never be a character: what a font draws for it is its empty box


def font_for(text: str, size: int) -> Any:
    """The first font that has all letters of ``text``, else the one that lacks the fewest.

    Fonts of the system come first, then the one that Pillow brings.

    Args:
        text: what is to be drawn.
        size: in pixels.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    return min(_fonts(size), key=lambda font: len(_lacking(font, text)))


def undrawable(text: str, size: int) -> str:
    """The letters of ``text`` that :func:`font_for` cannot draw, each once."""
    return "".join(sorted(_lacking(font_for(text, size), text)))


@cache
def _fonts(size: int) -> tuple[Any, ...]:
    fonts = require("PIL.ImageFont", "plait[graph]", needed_by="picture of a document graph")
    found = []
    for name in _NAMES:
        try:
            found.append(fonts.truetype(name, size))
        except OSError:
            continue
    return (*found, fonts.load_default(size))


def _lacking(font: Any, text: str) -> set[str]:
    return {letter for letter in set(text) if not letter.isspace() and not letter.isascii() and not _has(font, letter)}


@cache
def _has(font: Any, letter: str) -> bool:
    empty, drawn = font.getmask(_NOWHERE), font.getmask(letter)
    return (drawn.size, bytes(drawn)) != (empty.size, bytes(empty))
