"""Draws a neighbourhood in the format that the file's name asks for."""

from __future__ import annotations

from pathlib import Path

from plait.contracts.errors import QueryError
from plait.docgraph.neighbourhood import Neighbourhood
from plait.docgraph.picture_html import draw_html
from plait.docgraph.picture_png import draw_png

__all__ = ["FORMATS", "draw"]

FORMATS = {".png": draw_png, ".html": draw_html, ".htm": draw_html}
"""Ending of the file's name -> what writes it."""


def draw(neighbourhood: Neighbourhood, path: str | Path) -> str:
    """Writes a ``.png`` or ``.html`` file.

    Returns:
        Letters that could not be drawn, for want of a font.

    Raises:
        QueryError: the name ends in something else.
        IndexWriteError: the file cannot be written.
    """
    form = FORMATS.get(Path(path).suffix.lower())
    if form is None:
        raise QueryError(f"no picture is written as {Path(path).suffix!r}", where=str(path), choices=sorted(FORMATS))
    return form(neighbourhood, path)
