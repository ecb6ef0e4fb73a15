"""What documents state of each other: stored, replaced and removed with the document that states it."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from plait.contracts import Edge
from plait.contracts.errors import DocumentError
from plait.index import Index
from plait.index.tables import EDGES


def _put(index: Index, corpus: Any, stated: dict[str, list[Edge]], message: str = "add") -> None:
    documents = [corpus.document(name) for name in stated]
    passages = corpus.passages(documents)
    edges = [edge for of_one in stated.values() for edge in of_one]
    with index.writer() as writer:
        writer.put(documents, passages, corpus.columns(passages), edges)
        writer.commit(message)


CITES = Edge("a", "cites", "b", 0.95, "On b, 2020")
WROTE = Edge("a", "author", "ng, a", 1.0, "A. Ng")
DANGLING = Edge("b", "cites", "", 0.0, "Lost, 1999")


@pytest.fixture
def linked(filled: Index, corpus: Any) -> Index:
    """Commit 2: a cites b and names an author, b cites something that is not there."""
    _put(filled, corpus, {"a": [CITES, WROTE], "b": [DANGLING]})
    return filled


def test_edges_come_back_as_they_were_in_order_of_their_source(linked: Index) -> None:
    assert linked.view().edges() == [WROTE, CITES, DANGLING]
    assert linked.check() == []


def test_an_index_without_edges_has_none_of_them(filled: Index) -> None:
    assert filled.view().edges() == []
    assert filled.view(0).edges() is None


def test_a_document_put_again_replaces_exactly_its_own_edges(linked: Index, corpus: Any) -> None:
    _put(linked, corpus, {"a": [WROTE]})
    assert linked.view().edges() == [WROTE, DANGLING]
    assert linked.view(2).edges() == [WROTE, CITES, DANGLING]


def test_a_removed_document_takes_its_edges_along(linked: Index) -> None:
    with linked.writer() as writer:
        writer.remove(["a"])
        writer.commit("without a")
    assert linked.view().edges() == [DANGLING]


def test_linking_replaces_edges_and_leaves_passages_alone(linked: Index) -> None:
    before = linked.commit.tables
    found = Edge("b", "cites", "c", 0.9, "Lost, 1999")
    with linked.writer() as writer:
        writer.link({"b": [found], "a": []})
        writer.commit("linked")
    assert linked.view().edges() == [found]
    assert {name for name, version in linked.commit.tables.items() if version != before[name]} == {EDGES}


def test_edges_are_committed_together_with_their_documents_or_not_at_all(linked: Index, corpus: Any) -> None:
    documents = [corpus.document("d")]
    passages = corpus.passages(documents)
    with linked.writer() as writer:
        writer.put(documents, passages, corpus.columns(passages), [Edge("d", "cites", "a")])
        assert [edge.source for edge in writer.preview().edges() or ()] == ["a", "a", "b", "d"]
    assert linked.view().edges() == [WROTE, CITES, DANGLING]


def test_a_rollback_brings_back_the_edges(linked: Index) -> None:
    with linked.writer() as writer:
        writer.link({"a": []})
        writer.commit("forgotten")
    linked.rollback(2)
    assert linked.view().edges() == [WROTE, CITES, DANGLING]


@pytest.mark.parametrize(
    ("edge", "what"),
    [
        (Edge("zz", "cites", "a"), "not in the same batch"),
        (Edge("a", "", "b"), "no relation"),
        (Edge("a", "cites", "b", 1.5), "not between 0 and 1"),
        (Edge("a", "cites", "b", math.nan), "not between 0 and 1"),
        (Edge("a", "author", "\ud800"), "surrogate"),
    ],
)
def test_what_is_no_fact_of_the_documents_is_refused(filled: Index, corpus: Any, edge: Edge, what: str) -> None:
    with pytest.raises(DocumentError, match=what):
        _put(filled, corpus, {"a": [edge]})
    assert filled.view().edges() == []


def test_edges_of_strangers_cannot_be_linked(filled: Index) -> None:
    with filled.writer() as writer, pytest.raises(DocumentError, match="not stored: zz"):
        writer.link({"zz": []})


@pytest.mark.parametrize(
    ("rows", "what", "severity"),
    [
        ([Edge("zz", "cites", "a")], "edges of documents that are not stored", "error"),
        ([Edge("a", "cites", "b", 7.0)], "edges that are no facts", "error"),
        ([CITES, CITES], "edges that occur twice", "error"),
        ([Edge("a", "same_as", "zz")], "edges to documents that are not stored", "warning"),
    ],
)
def test_the_check_finds_edges_that_should_not_be_there(
    filled: Index, rows: list[Edge], what: str, severity: str
) -> None:
    from plait.index.tables import edge_rows

    with filled.writer() as writer:
        table: pa.Table = edge_rows(rows)
        writer._tables.store.append(writer._tables.table(EDGES), table)
        writer._changed = True
        writer.commit("by hand")
    assert [(f.severity, f.what.partition(" ")[2]) for f in filled.check()] == [(severity, what)]
