"""Draws a neighbourhood as one HTML file that needs nothing else: SVG, and a few lines of script for pointing at it."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from html import escape
from pathlib import Path

from plait.contracts.errors import IndexWriteError
from plait.docgraph.layout import BOX, COLOURS, Box, Line, Picture, lay_out, named, shortened, visible, wrapped
from plait.docgraph.neighbourhood import Neighbour, Neighbourhood

__all__ = ["draw_html", "html_of"]

_OTHER = "#555555"
_SIZE, _LINE, _PADDING = 12, 15, 9

_STYLE = """
body { margin: 0; font: 12px system-ui, "DejaVu Sans", Arial, sans-serif; background: #fff; color: #111; }
svg { max-width: 100%; height: auto; display: block; margin: 0 auto; }
.box rect { fill: #f4f7fa; stroke: #7a8794; }
.box.hop0 rect { fill: #fff4cc; stroke: #222; stroke-width: 2; }
.box .about { fill: #5a6673; font-size: 11px; }
.dim { opacity: .12; }
line, .box { transition: opacity .12s; }
"""
# Text only ever reaches the page through escaping, and the script reads nothing but numbers.
_SCRIPT = """
const svg = document.querySelector("svg");
const parts = [...svg.querySelectorAll("[data-a], [data-n]")];
function light(number) {
  const near = new Set([number]);
  for (const part of parts)
    if (part.dataset.a === number) near.add(part.dataset.b);
    else if (part.dataset.b === number) near.add(part.dataset.a);
  for (const part of parts)
    part.classList.toggle("dim", number !== null && !("n" in part.dataset
      ? near.has(part.dataset.n) : part.dataset.a === number || part.dataset.b === number));
}
for (const box of svg.querySelectorAll(".box")) {
  box.addEventListener("pointerenter", () => light(box.dataset.n));
  box.addEventListener("pointerleave", () => light(null));
}
"""


def draw_html(neighbourhood: Neighbourhood, path: str | Path) -> str:
    """Writes the picture; it loads nothing, and its policy forbids every script but its own.

    Returns:
        No letters: a browser finds the fonts.

    Raises:
        IndexWriteError: the file cannot be written.
    """
    try:
        Path(path).write_text(html_of(neighbourhood), encoding="utf-8", newline="\n")
    except OSError as error:
        raise IndexWriteError(f"the picture cannot be written: {error.strerror or error}", where=str(path)) from error
    return ""


def html_of(neighbourhood: Neighbourhood) -> str:
    """The whole page as text."""
    picture = lay_out(neighbourhood)
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    middle = neighbourhood.documents[0]
    title = _escaped(middle.title or middle.id)
    boxes = zip(picture.boxes, neighbourhood.documents, strict=True)
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body>",
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{picture.width:.0f}" height="{picture.height:.0f}" '
            f'viewBox="0 0 {picture.width:.0f} {picture.height:.0f}" role="img" aria-label="{title}">',
            f"<defs>{''.join(map(_arrow, picture.relations))}</defs>",
            *(_line(line, neighbourhood) for line in picture.lines),
            *(_box(box, document) for box, document in boxes),
            *_legend(picture, neighbourhood.omitted),
            f"</svg><script>{_SCRIPT}</script></body></html>",
            "",
        ]
    )


def _escaped(text: str) -> str:
    return escape(visible(text), quote=True)


def _arrow(relation: str) -> str:
    return (
        f'<marker id="{_mark(relation)}" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="11" markerHeight="11" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1 10 5 0 9z" fill="{_colour(relation)}"/></marker>'
    )


def _mark(relation: str) -> str:
    return "to-" + "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in relation)


def _colour(relation: str) -> str:
    return COLOURS.get(relation, _OTHER)


def _line(line: Line, neighbourhood: Neighbourhood) -> str:
    tie = line.tie
    ends = (neighbourhood.documents[tie.source].id, neighbourhood.documents[tie.target].id)
    between = f"{ends[0]} {'→' if tie.directed else '-'} {ends[1]}"
    about = _escaped(f"{named(tie.relation)} {tie.weight:g}: {between}")
    arrow = f' marker-end="url(#{_mark(tie.relation)})"' if tie.directed else ""
    return (
        f'<line x1="{line.start[0]:.1f}" y1="{line.start[1]:.1f}" x2="{line.end[0]:.1f}" y2="{line.end[1]:.1f}" '
        f'stroke="{_colour(tie.relation)}" stroke-width="{line.width:.1f}"{arrow} '
        f'data-a="{tie.source}" data-b="{tie.target}"><title>{about}</title></line>'
    )


def _box(box: Box, document: Neighbour) -> str:
    left, room = box.x - BOX[0] / 2, BOX[0] - 2 * _PADDING
    lines = wrapped(document.title or document.id, room, 3, _width)
    about = document.id if document.year is None else f"{document.year} · {document.id}"
    about = shortened(about, room, _width)
    top = box.y - _LINE * (len(lines) + 1) / 2 + _SIZE - 1
    spans = [
        # The viewer's font may be wider than was reckoned with: a long line is told its room.
        f'<text x="{left + _PADDING:.1f}" y="{top + _LINE * place:.1f}"{name}{_fitted(text, room)}>'
        f"{escape(text)}</text>"
        for place, (text, name) in enumerate([*((line, "") for line in lines), (about, ' class="about"')])
    ]
    return (
        f'<g class="box hop{min(document.hop, 2)}" data-n="{box.number}"><title>{_escaped(document.title)} '
        f'({_escaped(document.id)})</title><rect x="{left:.1f}" y="{box.y - BOX[1] / 2:.1f}" width="{BOX[0]:.0f}" '
        f'height="{BOX[1]:.0f}" rx="8"/>{"".join(spans)}</g>'
    )


def _legend(picture: Picture, omitted: int) -> list[str]:
    rows = len(picture.relations) + bool(omitted)
    made = []
    for place, name in enumerate(picture.relations):
        y = picture.height - 24 * (rows - place)
        made.append(
            f'<line x1="28" y1="{y + 4:.0f}" x2="60" y2="{y + 4:.0f}" stroke="{_colour(name)}" stroke-width="3"/>'
            f'<text x="70" y="{y + 8:.0f}">{_escaped(named(name))}</text>'
        )
    if omitted:
        made.append(
            f'<text x="28" y="{picture.height - 16:.0f}" fill="#5a6673">{omitted} more neighbours not shown</text>'
        )
    return made


def _width(text: str) -> float:
    """About how wide a sans-serif font sets it, on the wide side."""
    return (
        sum(
            1.02
            if unicodedata.east_asian_width(letter) in "WF"
            else 0.92
            if letter in "mwMW@%—…"
            else 0.34
            if letter in "iljtf.,:;!|'()[] "
            else 0.72
            if letter.isupper()
            else 0.6
            for letter in text
        )
        * _SIZE
    )


def _fitted(text: str, room: float) -> str:
    wide = _width(text)
    return f' textLength="{wide:.0f}" lengthAdjust="spacingAndGlyphs"' if wide > 0.85 * room else ""
