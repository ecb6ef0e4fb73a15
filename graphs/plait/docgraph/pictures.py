"""Draws an ego graph as SVG: a file by itself, or a page of HTML that needs nothing else, with boxes to point at."""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
import unicodedata
from collections.abc import Callable
from html import escape
from pathlib import Path

from plait.contracts.errors import IndexWriteError, QueryError
from plait.docgraph.ego_graph import EgoGraph, Neighbour
from plait.docgraph.layout import BOX, LEGEND, MARGIN, Box, Layout, Line, lay_out
from plait.docgraph.relations import readable

__all__ = ["draw", "html_of", "picture_of", "svg_of"]

_COLOURS = {
    "cites": "#0072B2",
    "co_citation": "#E69F00",
    "bibliographic_coupling": "#009E73",
    "co_author": "#CC79A7",
    "co_venue": "#8A8A8A",
    "co_topic": "#D55E00",
    "co_institution": "#7A6A00",
    "same_as": "#333333",
}  # from the set of Okabe and Ito, which readers with any colour vision tell apart
_OTHER = "#555555"
_SIZE, _LINE, _PADDING = 12, 15, 9  # of the letters, from line to line, and from a box's border to its text: pixels
_TITLE_LINES = 3
_WIDTHS = dict.fromkeys("mwMW@%—…", 0.92) | dict.fromkeys("iljtf.,:;!|'()[] ", 0.34)
# What shows nothing, what turns the direction of writing, and what XML cannot hold.
_UNSEEN = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_STYLE = """
svg { background: #fff; }
text { font: 12px system-ui, "DejaVu Sans", Arial, sans-serif; fill: #111; }
rect { fill: #f4f7fa; stroke: #7a8794; }
.hop0 rect { fill: #fff4cc; stroke: #222; stroke-width: 2; }
.about { fill: #5a6673; font-size: 11px; }
"""
_PAGE_STYLE = """
body { margin: 0; background: #fff; }
svg { max-width: 100%; height: auto; display: block; margin: 0 auto; }
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


def draw(ego: EgoGraph, path: str | Path) -> None:
    """Writes a ``.html`` or ``.svg`` file: a box a document with title, year and id, a coloured line a relation.

    Raises:
        QueryError: the name ends in something else.
        IndexWriteError: the file cannot be written.
    """
    form = picture_of(path)
    try:
        Path(path).write_text(form(ego), encoding="utf-8", newline="\n")
    except OSError as error:
        raise IndexWriteError(f"the picture cannot be written: {error.strerror or error}", where=str(path)) from error


def picture_of(path: str | Path) -> Callable[[EgoGraph], str]:
    """What makes the text of a picture, by the ending of the file's name.

    Raises:
        QueryError: there is no such picture.
    """
    forms = {".html": html_of, ".htm": html_of, ".svg": svg_of}
    suffix = Path(path).suffix.lower()
    if suffix not in forms:
        raise QueryError(
            f"no picture is written as {Path(path).suffix!r}",
            where=str(path),
            choices=sorted(forms),
            fix="write .svg: browsers, office programs and Inkscape show it, and turn it into PNG or PDF",
        )
    return forms[suffix]


def html_of(ego: EgoGraph) -> str:
    """A page around :func:`svg_of`; it loads nothing, and its policy forbids every script but its own."""
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{_heading(ego)}</title><style>{_PAGE_STYLE}</style></head><body>",
            f"{svg_of(ego)}<script>{_SCRIPT}</script></body></html>",
            "",
        ]
    )


def svg_of(ego: EgoGraph) -> str:
    """The picture as one SVG element."""
    layout = lay_out(ego)
    boxes = zip(layout.boxes, ego.documents, strict=True)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width:.0f}" height="{layout.height:.0f}" '
            f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" role="img" aria-label="{_heading(ego)}">',
            f"<style>{_STYLE}</style><defs>{''.join(map(_arrow, layout.relations))}</defs>",
            *(_line(line, ego) for line in layout.lines),
            *(_box(box, document) for box, document in boxes),
            *_legend(layout, ego.omitted),
            "</svg>",
            "",
        ]
    )


def _heading(ego: EgoGraph) -> str:
    return _escaped(ego.documents[0].title or ego.documents[0].id)


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
    return _COLOURS.get(relation, _OTHER)


def _line(line: Line, ego: EgoGraph) -> str:
    tie = line.tie
    ends = (ego.documents[tie.source].id, ego.documents[tie.target].id)
    between = f"{ends[0]} {'→' if tie.directed else '-'} {ends[1]}"
    about = _escaped(f"{readable(tie.relation)} {tie.weight:g}: {between}")
    arrow = f' marker-end="url(#{_mark(tie.relation)})"' if tie.directed else ""
    return (
        f'<line x1="{line.start[0]:.1f}" y1="{line.start[1]:.1f}" x2="{line.end[0]:.1f}" y2="{line.end[1]:.1f}" '
        f'stroke="{_colour(tie.relation)}" stroke-width="{line.width:.1f}"{arrow} '
        f'data-a="{tie.source}" data-b="{tie.target}"><title>{about}</title></line>'
    )


def _box(box: Box, document: Neighbour) -> str:
    left, room = box.x - BOX[0] / 2, BOX[0] - 2 * _PADDING
    lines = wrapped(document.title or document.id, room, _TITLE_LINES)
    about = shortened(document.id if document.year is None else f"{document.year} · {document.id}", room)
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


def _legend(layout: Layout, omitted: int) -> list[str]:
    rows = len(layout.relations) + bool(omitted)
    made = []
    for place, name in enumerate(layout.relations):
        y = layout.height - LEGEND * (rows - place)
        made.append(
            f'<line x1="{MARGIN:.0f}" y1="{y + 4:.0f}" x2="{MARGIN + 32:.0f}" y2="{y + 4:.0f}" '
            f'stroke="{_colour(name)}" stroke-width="3"/>'
            f'<text x="{MARGIN + 42:.0f}" y="{y + 8:.0f}">{_escaped(readable(name))}</text>'
        )
    if omitted:
        y = layout.height - LEGEND + 8
        made.append(f'<text class="about" x="{MARGIN:.0f}" y="{y:.0f}">{omitted} more neighbours not shown</text>')
    return made


def visible(text: str) -> str:
    r"""``text`` on one line without characters that show nothing or turn the direction of writing.

    Example:
        >>> visible("On\tbraids\u202e")
        'On braids'
    """
    return _UNSEEN.sub("", " ".join(text.split()))


def shortened(text: str, room: float) -> str:
    """``text`` on one line of about ``room`` pixels, cut with an ellipsis where it is longer.

    Example:
        >>> shortened("2023 · vector-storage-compression", 178)
        '2023 · vector-storage-com…'
    """
    shown = visible(text)
    most = _letters(shown, room)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def wrapped(text: str, room: float, most: int) -> list[str]:
    """``text`` broken into at most ``most`` lines of about ``room`` pixels; what does not fit ends in an ellipsis.

    Example:
        >>> wrapped("A title of several words and an incomprehensibility", 90, 3)
        ['A title of', 'several words', 'and an incomp…']
    """
    shown = visible(text)
    width = _letters(shown, room)
    lines = textwrap.wrap(shown, width)
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1][: width - 1]}…"]


def _letters(text: str, room: float) -> int:
    """How many letters of the text's own mean width fit."""
    return max(2, int(room * len(text) / max(_width(text), 1.0) + 1e-6))  # a text as wide as the room fits


def _width(text: str) -> float:
    """About how many pixels wide a sans-serif font sets it, on the wide side: only the viewer knows the font."""

    def of(letter: str) -> float:
        wide = 1.02 if unicodedata.east_asian_width(letter) in "WF" else 0.72 if letter.isupper() else 0.6
        return _WIDTHS.get(letter, wide)

    return _SIZE * sum(map(of, text))


def _fitted(text: str, room: float) -> str:
    wide = min(_width(text), room)
    return f' textLength="{wide:.0f}" lengthAdjust="spacingAndGlyphs"' if wide > 0.85 * room else ""
