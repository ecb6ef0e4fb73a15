"""No label covers another, whatever the number of documents."""

from __future__ import annotations

from itertools import combinations

import pytest

from plait.docgraph import EgoGraph, Neighbour, Tie
from plait.docgraph.layout import BOX, lay_out


def ego_graph_of(count: int, second: int = 0) -> EgoGraph:
    """``count`` documents around one, ``second`` further ones a hop away, tied in many ways."""
    hops = [0] + [1] * count + [2] * second
    documents = tuple(Neighbour(f"d{n}", f"Title {n}", 1990 + n, hop, 1.0) for n, hop in enumerate(hops))
    ties = [Tie(0, n, "cites", 1.0, True) for n in range(1, count + 1)]
    ties += [Tie(n, 1 + n % count, "co_author", 2.0, False) for n in range(count + 1, count + second + 1)]
    ties += [Tie(0, n, "co_topic", 3.0, False) for n in range(1, count + 1, 2)]
    return EgoGraph(documents, tuple(ties), omitted=2)


@pytest.mark.parametrize("second", [0, 1, 7, 30])
@pytest.mark.parametrize("count", [*range(1, 12), 15, 20, 27, 39, 40, 100])
def test_boxes_neither_touch_nor_leave_the_picture(count: int, second: int) -> None:
    picture = lay_out(ego_graph_of(count, second))
    assert len(picture.boxes) == count + second + 1
    for a, b in combinations(picture.boxes, 2):
        assert abs(a.x - b.x) >= BOX[0] or abs(a.y - b.y) >= BOX[1]
    for box in picture.boxes:
        assert BOX[0] / 2 <= box.x <= picture.width - BOX[0] / 2
        assert BOX[1] / 2 <= box.y <= picture.height - BOX[1] / 2


def test_a_single_document_is_a_picture() -> None:
    picture = lay_out(EgoGraph((Neighbour("a", "A", None, 0, 0.0),), ()))
    assert len(picture.boxes) == 1
    assert picture.width > BOX[0]


def test_the_legend_stands_below_all_boxes() -> None:
    picture = lay_out(ego_graph_of(10))
    assert picture.relations == ("cites", "co_topic")
    assert max(box.y for box in picture.boxes) + BOX[1] / 2 <= picture.height - 24 * 3


def test_lines_begin_and_end_at_the_borders_of_their_boxes() -> None:
    found = ego_graph_of(12, 8)
    picture = lay_out(found)
    for line in picture.lines:
        for end, number in ((line.start, line.tie.source), (line.end, line.tie.target)):
            box = picture.boxes[number]
            x, y = abs(end[0] - box.x) - BOX[0] / 2, abs(end[1] - box.y) - BOX[1] / 2
            assert max(x, y) == pytest.approx(0, abs=1e-6)
    two = [line for line in picture.lines if {line.tie.source, line.tie.target} == {0, 1}]
    assert len({line.start for line in two}) == len(two) == 2


def test_the_same_ego_graph_looks_the_same() -> None:
    assert lay_out(ego_graph_of(17, 9)) == lay_out(ego_graph_of(17, 9))
