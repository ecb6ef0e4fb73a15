"""Draws a neighbourhood as a PNG."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from plait.config import require
from plait.contracts.errors import IndexWriteError
from plait.docgraph.fonts import font_for, undrawable
from plait.docgraph.layout import BOX, COLOURS, Line, Picture, lay_out, named, shortened, wrapped
from plait.docgraph.neighbourhood import Neighbour, Neighbourhood

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

__all__ = ["draw_png"]

_SCALE = 2
_SIZE = 12
_LINE = 15
_PADDING = 9
_OTHER = "#555555"


def draw_png(neighbourhood: Neighbourhood, path: str | Path) -> str:
    """Writes the picture: a box a document with title, year and id, a coloured line a relation, a legend below.

    Uses the first sans-serif font of the system that has the letters of a text, else the one that Pillow brings.

    Returns:
        Letters that no font here has, each once: they are empty boxes in the picture.

    Raises:
        IndexWriteError: the file cannot be written.
        MissingDependencyError: Pillow is not installed.
    """
    image_module = require("PIL.Image", "plait[graph]", needed_by="picture of a document graph")
    draw_module = require("PIL.ImageDraw", "plait[graph]", needed_by="picture of a document graph")
    picture = lay_out(neighbourhood)
    size = (math.ceil(picture.width * _SCALE), math.ceil(picture.height * _SCALE))
    image = image_module.new("RGB", size, "white")
    draw = draw_module.Draw(image)
    for line in picture.lines:
        _draw_line(draw, line)
    for box, document in zip(picture.boxes, neighbourhood.documents, strict=True):
        _draw_box(draw, box.x, box.y, document)
    _draw_legend(draw, picture, neighbourhood.omitted)
    try:
        image.save(Path(path), format="PNG")
    except OSError as error:
        raise IndexWriteError(f"the picture cannot be written: {error.strerror or error}", where=str(path)) from error
    lost = {letter for one in neighbourhood.documents for letter in undrawable(f"{one.title}{one.id}", _SIZE * _SCALE)}
    return "".join(sorted(lost))


def _scaled(*values: float) -> tuple[float, ...]:
    return tuple(value * _SCALE for value in values)


def _point(x: float, y: float) -> tuple[float, float]:
    return x * _SCALE, y * _SCALE


def _draw_line(draw: ImageDraw, line: Line) -> None:
    colour = COLOURS.get(line.tie.relation, _OTHER)
    start, end = line.start, line.end
    draw.line(_scaled(*start, *end), fill=colour, width=round(line.width * _SCALE))
    if line.tie.directed:
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        corners = [end] + [
            (end[0] + 10 * math.cos(angle + a), end[1] + 10 * math.sin(angle + a)) for a in (2.75, -2.75)
        ]
        draw.polygon([value for corner in corners for value in _scaled(*corner)], fill=colour)


def _draw_box(draw: ImageDraw, x: float, y: float, document: Neighbour) -> None:
    left, top = x - BOX[0] / 2, y - BOX[1] / 2
    middle = document.hop == 0
    draw.rounded_rectangle(
        _scaled(left, top, left + BOX[0], top + BOX[1]),
        radius=8 * _SCALE,
        fill="#FFF4CC" if middle else "#F4F7FA" if document.hop == 1 else "#FFFFFF",
        outline="#222222" if middle else "#7A8794",
        width=round((2.0 if middle else 1.0) * _SCALE),
    )
    room = (BOX[0] - 2 * _PADDING) * _SCALE
    font = font_for(document.title or document.id, _SIZE * _SCALE)
    small = font_for(document.id, (_SIZE - 1) * _SCALE)
    lines = wrapped(document.title or document.id, room, 3, font.getlength)
    about = document.id if document.year is None else f"{document.year} · {document.id}"
    about = shortened(about, room, small.getlength)
    height = _LINE * (len(lines) + 1)
    at = y - height / 2
    for text in lines:
        draw.text(_point(left + _PADDING, at), text, font=font, fill="#111111")
        at += _LINE
    draw.text(_point(left + _PADDING, at), about, font=small, fill="#5A6673")


def _draw_legend(draw: ImageDraw, picture: Picture, omitted: int) -> None:
    font = font_for("", _SIZE * _SCALE)
    rows = [(name, named(name)) for name in picture.relations]
    y = picture.height - 24.0 * (len(rows) + bool(omitted))
    for name, shown in rows:
        draw.line(_scaled(28, y + 4, 60, y + 4), fill=COLOURS.get(name, _OTHER), width=3 * _SCALE)
        draw.text(_point(70, y - 4), shown, font=font, fill="#111111")
        y += 24.0
    if omitted:
        draw.text(_point(28, y - 4), f"{omitted} more neighbours not shown", font=font, fill="#5A6673")
