"""GraphML that other programs read, whatever the ids hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pytest

from plait.contracts import Document
from plait.contracts.errors import IndexWriteError
from plait.docgraph import GraphSettings, build_graph
from plait.docgraph.graphml import write_graphml

Paper = Callable[..., Document]


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


def test_a_place_that_cannot_be_written_is_named(paper: Paper, tmp_path: Path) -> None:
    with pytest.raises(IndexWriteError, match="cannot be written"):
        write_graphml(build_graph([]), tmp_path)
