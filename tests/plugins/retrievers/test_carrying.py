"""Which edges carried a hit: their shares are those of the mean that a graph encoder works with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.contracts import Document, Reference
from plait.docgraph import DocumentGraph, GraphSettings, build_graph
from plait.retrievers.carrying import carrying_edges

RELATIONS = ("cites", "cited_by", "co_author", "co_topic")


def paper(name: str, *cites: str, **metadata: object) -> Document:
    return Document(name, f"On {name}", (), metadata, tuple(Reference(identifiers={"id": c}) for c in cites))


@pytest.fixture(scope="module")
def graph() -> DocumentGraph:
    return build_graph(
        [
            paper("a", "b", "c", authors=["Ada Doe", "Bo Roe", "Cy Poe"]),
            paper("b", authors=["Ada Doe", "Bo Roe"]),
            paper("c", "a", authors=["Cy Poe"], topics=["knots"]),
            paper("d", "a", topics=["knots"]),
            paper("e"),
        ],
        GraphSettings(relations=RELATIONS),
    )


def test_edges_say_where_they_lead_and_what_they_weigh(graph: DocumentGraph) -> None:
    text = np.array([0.9, 0.8, 0.4, 0.2, 0.1], np.float32)
    found = carrying_edges(graph, RELATIONS, 0, text, most=10)
    assert [(e.relation, e.document_id, e.weight, round(e.carried, 4)) for e in found] == [
        ("co_author", "b", 2.0, 0.5333),
        ("cites", "b", 1.0, 0.4),
        ("cited_by", "c", 1.0, 0.2),
        ("cites", "c", 1.0, 0.2),
        ("co_author", "c", 1.0, 0.1333),
        ("cited_by", "d", 1.0, 0.1),
    ]
    assert {e.title for e in found} == {"On b", "On c", "On d"}
    assert carrying_edges(graph, RELATIONS, 0, text, most=2) == found[:2]
    assert carrying_edges(graph, RELATIONS, 4, text) == []
    assert carrying_edges(graph, ("likes",), 0, text) == []


def test_a_neighbour_without_text_carries_nothing(graph: DocumentGraph) -> None:
    text = np.array([0.9, -np.inf, 0.4, 0.2, 0.1], np.float32)
    (silent,) = (e for e in carrying_edges(graph, ("cites",), 0, text, most=9) if e.document_id == "b")
    assert (silent.text, silent.carried) == (0.0, 0.0)


@given(st.lists(st.floats(-1, 1, width=32), min_size=5, max_size=5), st.integers(0, 4), st.integers(0, 9))
def test_what_a_relation_carried_is_the_weighted_mean_of_its_neighbours(
    graph: DocumentGraph, scores: list[float], document: int, most: int
) -> None:
    text = np.array(scores, np.float32)
    for relation in RELATIONS:
        edges = graph.relations[relation]
        mine = edges.source == document
        every = carrying_edges(graph, (relation,), document, text, most=100)
        mean = float(np.average(text[edges.target[mine]], weights=edges.weight[mine])) if mine.any() else 0.0
        assert sum(e.carried for e in every) == pytest.approx(mean, abs=1e-6)
        best = carrying_edges(graph, (relation,), document, np.abs(text), most=most)
        whole = carrying_edges(graph, (relation,), document, np.abs(text), most=100)
        assert sum(e.carried for e in best) <= sum(e.carried for e in whole) + 1e-6
