"""Graphs go to networkx and come back the same; tensors and files hold what the graph holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from plait.contracts import Document
from plait.contracts.errors import DocumentError, IndexWriteError
from plait.docgraph import (
    DocumentGraph,
    GraphSettings,
    build_graph,
    from_networkx,
    to_hetero_data,
    to_networkx,
    write_graphml,
    write_jsonl,
)

torch = pytest.importorskip("torch")
pytest.importorskip("torch_geometric")

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


def test_features_edges_and_weights_are_those_of_the_graph(paper: Paper) -> None:
    graph = build_graph([paper("a", "c"), paper("b", "c"), paper("c", year=1999)])
    features = np.arange(6, dtype=np.float64).reshape(3, 2)
    data = to_hetero_data(graph, features)
    assert data.validate()
    assert data["document"].x.dtype == torch.float32
    assert data["document"].x.tolist() == features.tolist()
    for name, relation in graph.relations.items():
        store = data["document", name, "document"]
        assert store.edge_index.tolist() == [relation.source.tolist(), relation.target.tolist()]
        assert store.edge_weight.tolist() == relation.weight.tolist()
    assert set(data.edge_types) == {("document", name, "document") for name in graph.relations}


def test_an_entity_has_the_mean_of_its_documents(paper: Paper) -> None:
    graph = build_graph(
        [paper("a", authors=["J. Doe"]), paper("b", authors=["J. Doe", "X. Roe"])],
        GraphSettings(entity_nodes=("author",)),
    )
    data = to_hetero_data(graph, np.array([[1.0, 0.0], [3.0, 4.0]]))
    assert data.validate()
    assert data["author"].x.tolist() == [[2.0, 2.0], [3.0, 4.0]]
    assert data["document", "author", "author"].edge_index.tolist() == [[0, 1, 1], [0, 0, 1]]
    assert data["author", "author_of", "document"].edge_index.tolist() == [[0, 0, 1], [0, 1, 1]]
    given = to_hetero_data(graph, np.ones((2, 2)), {"author": np.zeros((2, 5))})
    assert given["author"].x.shape == (2, 5)


def test_the_graph_cannot_be_changed_through_its_tensors(paper: Paper) -> None:
    graph = build_graph([paper("a", "b"), paper("b")])
    to_hetero_data(graph, np.ones((2, 1)))["document", "cites", "document"].edge_weight.zero_()
    assert graph.relations["cites"].weight.tolist() == [1.0]


@pytest.mark.parametrize("features", [np.ones((3, 2)), np.ones(2), np.full((2, 2), np.nan)])
def test_features_of_another_shape_or_without_end_are_refused(paper: Paper, features: np.ndarray) -> None:
    with pytest.raises(DocumentError, match="features"):
        to_hetero_data(build_graph([paper("a"), paper("b")]), features)


def test_networkx_reads_back_what_was_written(paper: Paper, tmp_path: Path) -> None:
    settings = GraphSettings(entity_nodes=("author",))
    graph = build_graph([paper("a", "b", authors=["J. Doe"], year=1999), paper("b", authors=["J. Doe"])], settings)
    write_graphml(graph, tmp_path / "g.graphml")
    read = nx.read_graphml(tmp_path / "g.graphml")
    assert {data["id"] for _, data in read.nodes(data=True)} == {"a", "b", "doe, j"}
    assert read.nodes["n0"]["date"] == 1999.0
    edges = [(data["relation"], data["directed"]) for _, _, data in read.edges(data=True)]
    assert sorted(edges) == [("author", True), ("author", True), ("cites", True), ("co_author", False)]


def test_odd_characters_survive_or_are_replaced(paper: Paper, tmp_path: Path) -> None:
    odd = "a<b>&\"'ü学\t\r\nz"
    graph = build_graph([paper(odd, title="nul \x00 and half \ud800 a pair")])
    write_graphml(graph, tmp_path / "g.graphml")
    (data,) = dict(nx.read_graphml(tmp_path / "g.graphml").nodes(data=True)).values()
    assert data["id"] == odd
    assert data["title"] == "nul \ufffd and half \ufffd a pair"


def test_edges_in_graphml_have_ids_of_their_own(documents: list[Document], tmp_path: Path) -> None:
    write_graphml(build_graph(documents, FULL), tmp_path / "g.graphml")
    read = nx.read_graphml(tmp_path / "g.graphml", force_multigraph=True)
    names = [name for _, _, name in read.edges(keys=True)]
    assert len(set(names)) == len(names) > 10
    weights = {(data["relation"], data["weight"]) for _, _, data in read.edges(data=True)}
    assert ("bibliographic_coupling", 1.0) in weights


def test_nodes_then_edges_each_once(paper: Paper, tmp_path: Path) -> None:
    settings = GraphSettings(entity_nodes=("venue",))
    write_jsonl(build_graph([paper("a\n\ud800", "b", venue="V"), paper("b", venue="V")], settings), tmp_path / "g")
    lines = [json.loads(line) for line in (tmp_path / "g").read_text().splitlines()]
    assert [line["node"] for line in lines if "node" in line] == ["a\n\ud800", "b", "v"]
    assert [(line["source"], line["target"], line["relation"]) for line in lines if "source" in line] == [
        ("a\n\ud800", "v", "venue"),
        ("b", "v", "venue"),
        ("a\n\ud800", "b", "cites"),
        ("a\n\ud800", "b", "co_venue"),
    ]


@pytest.mark.parametrize("write", [write_graphml, write_jsonl])
def test_a_place_that_cannot_be_written_is_named(write: Callable[[DocumentGraph, Path], None], tmp_path: Path) -> None:
    with pytest.raises(IndexWriteError, match="cannot be written"):
        write(build_graph([]), tmp_path)
