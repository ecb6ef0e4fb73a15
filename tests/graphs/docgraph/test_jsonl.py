"""One JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from plait.contracts import Document
from plait.contracts.errors import IndexWriteError
from plait.docgraph import GraphSettings, build_graph
from plait.docgraph.jsonl import write_jsonl

Paper = Callable[..., Document]


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


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexWriteError, match="cannot be written"):
        write_jsonl(build_graph([]), tmp_path)
