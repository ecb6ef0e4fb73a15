"""Graphs go to networkx and come back the same."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import pytest

from plait.contracts import Document
from plait.contracts.errors import DocumentError
from plait.docgraph import DocumentGraph, GraphSettings, build_graph
from plait.docgraph.convert_networkx import from_networkx, to_networkx

Paper = Callable[..., Document]
Pairs = Callable[[DocumentGraph, str], dict[tuple[str, str], float]]

FULL = GraphSettings(entity_nodes=("author", "venue", "topic", "institution"))


@pytest.fixture
def documents(paper: Paper) -> list[Document]:
    return [
        paper("a", "b", "c", authors=["J. Doe", "X. Roe"], venue="V 1999", topics=["k"], year=2001, month=3),
        paper("b", "c", authors=["J. Doe"], topics=["k", "l"], institutions=["MIT"]),
        paper("c/ü", "a", "b", authors=["John Doe"], year=1999),
        paper("c", venue="V"),
    ]


def test_a_graph_comes_back_with_every_edge(documents: list[Document], pairs: Pairs) -> None:
    graph = build_graph(documents, FULL)
    again = from_networkx(to_networkx(graph), FULL)
    assert again.ids == graph.ids
    assert again.titles == graph.titles
    assert [str(year) for year in again.years] == [str(year) for year in graph.years]
    assert all(pairs(again, name) == pairs(graph, name) for name in graph.relations)
    assert again.fingerprint == graph.fingerprint


def test_networkx_sees_the_relations_and_the_nodes(documents: list[Document]) -> None:
    made = to_networkx(build_graph(documents, FULL))
    assert made.nodes["a"]["title"] == "On a"
    assert made.nodes[("author", "doe, john")]["kind"] == "author"
    assert made.edges["a", "b", "bibliographic_coupling"]["weight"] == 1.0
    assert made.has_edge("b", "a", "cited_by")
    assert not made.has_edge("b", "a", "cites")


def test_a_plain_graph_is_taken_for_citations(pairs: Pairs) -> None:
    graph = from_networkx(nx.DiGraph([(1, 2), (3, 2), (2, 1)]))
    assert pairs(graph, "cites").keys() == {("1", "2"), ("3", "2"), ("2", "1")}
    assert pairs(graph, "bibliographic_coupling") == {("1", "3"): 1.0, ("3", "1"): 1.0}
    assert pairs(from_networkx(nx.Graph([(1, 2)])), "cites").keys() == {("1", "2"), ("2", "1")}


def test_derived_edges_that_would_be_lost_are_refused(documents: list[Document]) -> None:
    without_entities = to_networkx(build_graph(documents))
    with pytest.raises(DocumentError, match="'co_author' do not follow"):
        from_networkx(without_entities)
    only = GraphSettings(relations=("cites", "co_citation"))
    assert len(from_networkx(to_networkx(build_graph(documents, only)), only)) == 4


def test_unknown_kinds_and_relations_are_refused() -> None:
    odd: nx.DiGraph[str] = nx.DiGraph()
    odd.add_node("a", kind="person")
    with pytest.raises(DocumentError, match="unknown kind 'person'"):
        from_networkx(odd)
    edges: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    edges.add_edge("a", "b", relation="likes")
    with pytest.raises(DocumentError, match="unknown relation 'likes'"):
        from_networkx(edges)
