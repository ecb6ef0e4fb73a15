"""Where the boxes and lines of a picture stand. The same every time.

Documents stand on ellipses around the middle one, those that are tied side by side, hops from the inside out. Each
ellipse grows until none of its boxes touches another, so that no label ever covers one. The layouts of networkx know
points, not boxes: stretched until no box touches another, Kamada-Kawai's pictures of ego graphs of CACM take 1.2 to 1.8
times the area of these at 20 neighbours and 2.4 to 7 times at 200, spring's 1.3 to 8 times, in 10 to 30 times the time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import get_args

from plait.docgraph.ego_graph import EgoGraph, Tie
from plait.docgraph.relations import RelationName

__all__ = ["BOX", "LEGEND", "MARGIN", "Box", "Layout", "Line", "lay_out"]

BOX = (196.0, 78.0)
"""Width and height of a box, in pixels: room for three lines of title and one of year and id."""
LEGEND = 24.0
"""Height of a line of the legend."""
MARGIN = 28.0
"""What stays empty around everything."""

_GAP = 16.0  # least room between two boxes, in one direction at least
_ASPECT = 1.7  # width over height of the ellipses: boxes are wide, and so are screens
_BESIDE = 5.0  # between parallel lines of one pair


@dataclass(frozen=True, slots=True)
class Box:
    """A document's box by its middle; ``number`` is its position in the ego graph."""

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
class Layout:
    """Boxes and lines within ``width`` and ``height``; the relations that occur, for the legend at the bottom."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    relations: tuple[str, ...]


def lay_out(ego: EgoGraph) -> Layout:
    """Places everything; the time grows with the square of the documents, which are few: 0.1 s at 200."""
    centres = _centres(ego)
    left = min(x for x, _ in centres) - BOX[0] / 2 - MARGIN
    top = min(y for _, y in centres) - BOX[1] / 2 - MARGIN
    there = {tie.relation for tie in ego.ties}
    relations = tuple(name for name in get_args(RelationName) if name in there)
    relations += tuple(sorted(there - set(relations)))
    boxes = tuple(Box(number, x - left, y - top) for number, (x, y) in enumerate(centres))
    return Layout(
        max(box.x for box in boxes) + BOX[0] / 2 + MARGIN,
        max(box.y for box in boxes) + BOX[1] / 2 + MARGIN + LEGEND * (len(relations) + bool(ego.omitted)),
        boxes,
        _lines(ego, boxes),
        relations,
    )


def _centres(ego: EgoGraph) -> list[tuple[float, float]]:
    tied: dict[int, set[int]] = {number: set() for number in range(len(ego.documents))}
    for tie in ego.ties:
        tied[tie.source].add(tie.target)
        tied[tie.target].add(tie.source)
    placed: dict[int, tuple[float, float]] = {0: (0.0, 0.0)}
    angles: dict[int, float] = {}
    rings = 0
    hops = groupby(range(1, len(ego.documents)), key=lambda number: ego.documents[number].hop)
    for _, group in hops:
        waiting = list(group)
        while waiting:
            room = 9 + 7 * rings  # boxes that stand on an ellipse before it has to grow much
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


def _lines(ego: EgoGraph, boxes: Sequence[Box]) -> tuple[Line, ...]:
    by_pair: dict[tuple[int, int], list[Tie]] = {}
    for tie in ego.ties:
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
