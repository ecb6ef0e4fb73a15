"""Where the boxes and lines of a picture stand. The same for every format, and the same every time.

Documents stand on ellipses around the middle one, those that are tied side by side, hops from the inside out. Each
ellipse grows until none of its boxes touches another, so that no label ever covers one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from plait.docgraph.neighbourhood import Neighbourhood, Tie

__all__ = ["BOX", "COLOURS", "Box", "Line", "Picture", "lay_out", "named", "shortened", "visible", "wrapped"]

BOX = (196.0, 78.0)
"""Width and height of a box, in pixels at scale 1."""

COLOURS = {
    "cites": "#0072B2",
    "co_citation": "#E69F00",
    "bibliographic_coupling": "#009E73",
    "co_author": "#CC79A7",
    "co_venue": "#8A8A8A",
    "co_topic": "#D55E00",
    "co_institution": "#7A6A00",
    "same_as": "#333333",
}
"""One colour a relation, from the set of Okabe and Ito that readers with any colour vision tell apart."""

_GAP = 16.0
_MARGIN = 28.0
_ASPECT = 1.7
_BESIDE = 5.0
_LEGEND = 24.0
_UNSEEN = re.compile("[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Box:
    """A document's box by its middle; ``number`` is its position in the neighbourhood."""

    number: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """A tie from border to border: (x, y) of both ends, already beside its parallels."""

    tie: Tie
    start: tuple[float, float]
    end: tuple[float, float]
    width: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and lines within ``width`` and ``height``; the relations that occur, for the legend at the bottom."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    relations: tuple[str, ...]


def lay_out(neighbourhood: Neighbourhood) -> Picture:
    """Places everything; the time grows with the square of the documents, which are few."""
    centres = _centres(neighbourhood)
    left = min(x for x, _ in centres) - BOX[0] / 2 - _MARGIN
    top = min(y for _, y in centres) - BOX[1] / 2 - _MARGIN
    relations = tuple(name for name in COLOURS if any(tie.relation == name for tie in neighbourhood.ties))
    relations += tuple(sorted({tie.relation for tie in neighbourhood.ties} - COLOURS.keys()))
    boxes = tuple(Box(number, x - left, y - top) for number, (x, y) in enumerate(centres))
    legend_rows = len(relations) + (1 if neighbourhood.omitted else 0)
    return Picture(
        max(box.x for box in boxes) + BOX[0] / 2 + _MARGIN,
        max(box.y for box in boxes) + BOX[1] / 2 + _MARGIN + _LEGEND * legend_rows,
        boxes,
        _lines(neighbourhood, boxes),
        relations,
    )


def visible(text: str) -> str:
    r"""``text`` on one line without characters that show nothing or turn the direction of writing.

    Example:
        >>> visible("On\tbraids\u202e")
        'On braids'
    """
    return _UNSEEN.sub("", " ".join(text.split()))


def named(relation: str) -> str:
    """A relation's name for readers.

    Example:
        >>> named("co_citation"), named("bibliographic_coupling")
        ('co-citation', 'bibliographic coupling')
    """
    return (
        relation.replace("co_", "co-", 1).replace("_", " ")
        if relation.startswith("co_")
        else relation.replace("_", " ")
    )


def shortened(text: str, width: float, measure: Callable[[str], float]) -> str:
    """``text`` on one line of ``width``, cut with an ellipsis where it is longer.

    Example:
        >>> shortened("2023 · vector-storage-compression", 20, len)
        '2023 · vector-stora…'
    """
    shown = visible(text)
    if measure(shown) <= width:
        return shown
    while shown and measure(f"{shown}…") > width:
        shown = shown[:-1]
    return f"{shown}…"


def wrapped(text: str, width: float, lines: int, measure: Callable[[str], float]) -> list[str]:
    """``text`` broken into at most ``lines`` lines of ``width``; what does not fit ends in an ellipsis.

    Example:
        >>> wrapped("A title of several words and an incomprehensibility", 12, 3, len)
        ['A title of', 'several', 'words and a…']
        >>> wrapped("Incomprehensibility", 12, 3, len)
        ['Incomprehens', 'ibility']
    """
    made: list[str] = []
    rest = visible(text).split()
    while rest:
        line = rest.pop(0)
        if measure(line) > width:
            cut = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or measure(line[:n]) <= width)
            rest.insert(0, line[cut:])
            line = line[:cut]
        else:
            while rest and measure(f"{line} {rest[0]}") <= width:
                line = f"{line} {rest.pop(0)}"
        made.append(line)
        if len(made) == lines and rest:
            made[-1] = shortened(f"{made[-1]} {rest[0]}", width, measure)
            break
    return made


def _centres(neighbourhood: Neighbourhood) -> list[tuple[float, float]]:
    tied: dict[int, set[int]] = {number: set() for number in range(len(neighbourhood.documents))}
    for tie in neighbourhood.ties:
        tied[tie.source].add(tie.target)
        tied[tie.target].add(tie.source)
    placed: dict[int, tuple[float, float]] = {0: (0.0, 0.0)}
    angles: dict[int, float] = {}
    rings = 0
    hops = groupby(range(1, len(neighbourhood.documents)), key=lambda number: neighbourhood.documents[number].hop)
    for _, group in hops:
        waiting = list(group)
        while waiting:
            room = 9 + 7 * rings
            # What is left over for a further ring is spread, so that no ring stands nearly empty.
            ring = waiting if len(waiting) <= room else waiting[: max(room, math.ceil(len(waiting) / 2))][:room]
            waiting = waiting[len(ring) :]
            _place(_in_order(ring, tied, angles), placed, angles, rings)
            rings += 1
    return [placed[number] for number in range(len(placed))]


def _in_order(ring: Sequence[int], tied: dict[int, set[int]], angles: dict[int, float]) -> list[int]:
    """Beside the documents further in that they are tied to; else a chain in which each is tied to the one before."""
    if any(tied[number] & angles.keys() for number in ring):

        def direction(number: int) -> float:
            inner = [angles[other] for other in tied[number] if other in angles]
            if not inner:
                return math.pi
            return math.atan2(sum(map(math.sin, inner)), sum(map(math.cos, inner))) % math.tau

        return sorted(ring, key=lambda number: (direction(number), number))
    chain, left = [ring[0]], list(ring[1:])
    while left:
        following = max(left, key=lambda number: (len(tied[number] & {chain[-1]}), -number))
        left.remove(following)
        chain.append(following)
    return chain


def _place(ring: Sequence[int], placed: dict[int, tuple[float, float]], angles: dict[int, float], rings: int) -> None:
    turn = math.pi / len(ring) if rings % 2 else 0.0
    radius = (rings + 1) * (BOX[1] + _GAP)
    while True:
        spots = {}
        for position, number in enumerate(ring):
            angle = (turn + math.tau * position / len(ring)) % math.tau
            spots[number] = (radius * _ASPECT * math.cos(angle), radius * math.sin(angle), angle)
        taken = [*placed.values(), *((x, y) for x, y, _ in spots.values())]
        if not any(_touch(a, b) for n, a in enumerate(taken) for b in taken[max(n + 1, len(placed)) :]):
            break
        radius += 6.0
    for number, (x, y, angle) in spots.items():
        placed[number], angles[number] = (x, y), angle


def _touch(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return abs(a[0] - b[0]) < BOX[0] + _GAP and abs(a[1] - b[1]) < BOX[1] + _GAP


def _lines(neighbourhood: Neighbourhood, boxes: Sequence[Box]) -> tuple[Line, ...]:
    by_pair: dict[tuple[int, int], list[Tie]] = {}
    for tie in neighbourhood.ties:
        by_pair.setdefault((min(tie.source, tie.target), max(tie.source, tie.target)), []).append(tie)
    made = []
    for (one, other), ties in by_pair.items():
        ax, ay, bx, by = boxes[one].x, boxes[one].y, boxes[other].x, boxes[other].y
        length = math.hypot(bx - ax, by - ay)
        across = (-(by - ay) / length, (bx - ax) / length)
        for place, tie in enumerate(ties):
            shift = (place - (len(ties) - 1) / 2) * _BESIDE
            start = (ax + shift * across[0], ay + shift * across[1])
            end = (bx + shift * across[0], by + shift * across[1])
            ends = (_border(start, end, boxes[one]), _border(end, start, boxes[other]))
            if tie.source != one:
                ends = (ends[1], ends[0])
            made.append(Line(tie, *ends, width=min(1.2 + 0.5 * math.log2(max(tie.weight, 1.0)), 4.0)))
    return tuple(made)


def _border(inside: tuple[float, float], outside: tuple[float, float], box: Box) -> tuple[float, float]:
    """Where the way from ``inside`` the box to ``outside`` leaves it."""
    dx, dy = outside[0] - inside[0], outside[1] - inside[1]
    steps = [1.0]
    if dx:
        steps.append((box.x + math.copysign(BOX[0] / 2, dx) - inside[0]) / dx)
    if dy:
        steps.append((box.y + math.copysign(BOX[1] / 2, dy) - inside[1]) / dy)
    step = min(step for step in steps if step >= 0)
    return inside[0] + step * dx, inside[1] + step * dy
