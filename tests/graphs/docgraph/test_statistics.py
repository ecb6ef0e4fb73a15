"""Figures of a graph, against counting by hand."""

from __future__ import annotations

import json
from collections.abc import Callable

from plait.contracts import Document
from plait.docgraph import build_graph, statistics_of

Paper = Callable[..., Document]


def test_everything_is_counted(paper: Paper) -> None:
    graph = build_graph([paper("a", "b", "c", "gone"), paper("b", "c"), paper("c"), paper("d", venue="V"), paper("e")])
    statistics = statistics_of(graph)
    cites = statistics.relations["cites"]
    assert (cites.edges, cites.documents, cites.largest, cites.mean, cites.median) == (3, 2, 2, 0.6, 0.0)
    assert statistics.relations["co_citation"].edges == 1
    assert (statistics.components, statistics.largest_component, statistics.isolated) == (3, 3, 2)
    assert statistics.entities == {"author": 0, "venue": 1, "topic": 0, "institution": 0}
    assert statistics.resolved_share == 0.75


def test_an_empty_graph_has_figures_too() -> None:
    statistics = statistics_of(build_graph([]))
    assert (statistics.documents, statistics.components, statistics.largest_component) == (0, 0, 0)
    assert json.loads(json.dumps(statistics.to_json(), allow_nan=False))["resolved_share"] is None
