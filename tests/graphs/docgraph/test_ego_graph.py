"""The strongest neighbours come first, hop by hop."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from plait.contracts import Document
from plait.contracts.errors import DocumentError, QueryError
from plait.docgraph import DocumentGraph, build_graph, ego_graph

Paper = Callable[..., Document]


@pytest.fixture
def graph(paper: Paper) -> DocumentGraph:
    """a - b - c - d is a chain of citations; hub is cited by fifty, among them a."""
    chain = [paper("a", "b", "hub", year=2001), paper("b", "c"), paper("c", "d"), paper("d")]
    return build_graph([*chain, paper("hub"), *(paper(f"n{n:02}", "hub") for n in range(49)), paper("alone")])


def test_hops_reach_further(graph: DocumentGraph) -> None:
    followed = ("cites", "cited_by")
    reached = [
        {n.id: n.hop for n in ego_graph(graph, "b", hops=hops, limit=3, relations=followed).documents}
        for hops in (1, 2)
    ]
    assert reached[0] == {"b": 0, "a": 1, "c": 1}
    assert reached[1] == {"b": 0, "a": 1, "c": 1, "d": 2}


def test_an_edge_to_a_hub_counts_less(graph: DocumentGraph) -> None:
    found = ego_graph(graph, "a", relations=("cites",))
    assert [n.id for n in found.documents] == ["a", "b", "hub"]
    assert found.documents[1].strength > found.documents[2].strength


def test_those_that_find_no_room_are_counted(graph: DocumentGraph) -> None:
    found = ego_graph(graph, "hub", limit=10, relations=("cited_by",))
    assert (len(found.documents), found.omitted) == (11, 40)


def test_each_edge_stands_once_and_points_from_citing_to_cited(graph: DocumentGraph) -> None:
    found = ego_graph(graph, "b", relations=("cites", "cited_by"))
    ids = [n.id for n in found.documents]
    assert sorted((ids[tie.source], tie.relation, ids[tie.target]) for tie in found.ties) == [
        ("a", "cites", "b"),
        ("b", "cites", "c"),
    ]


def test_neighbours_are_tied_to_each_other_by_what_is_derived_only_on_request(paper: Paper) -> None:
    graph = build_graph([paper(name, topics=["t"]) for name in "abcd"])
    assert len(ego_graph(graph, "a").ties) == 3
    assert len(ego_graph(graph, "a", all_ties=True).ties) == 6


def test_a_document_without_edges_stands_alone(graph: DocumentGraph) -> None:
    found = ego_graph(graph, "alone", hops=3)
    assert [n.id for n in found.documents] == ["alone"]
    assert found.ties == ()
    assert json.loads(json.dumps(found.to_json()))["documents"][0]["year"] is None


def test_unknown_documents_and_relations_are_refused(graph: DocumentGraph) -> None:
    with pytest.raises(DocumentError, match="no document 'zz'"):
        ego_graph(graph, "zz")
    with pytest.raises(QueryError, match="no relation 'likes'"):
        ego_graph(graph, "a", relations=("likes",))
