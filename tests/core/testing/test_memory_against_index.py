"""A retriever meets the same view in memory as on disk: every answer of one is compared with the other's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from plait.config import use
from plait.contracts import IndexView, IngestBatch, Query, Retriever
from plait.contracts.errors import QueryError
from plait.hooks import Assembly, PluginHost
from plait.index import Index
from plait.testing import BlockChunker, memory_view, sample_documents

DOCUMENTS = sample_documents()
FILTERS: list[dict[str, Any]] = [
    {"year": 2009},
    {"year": 2009.0},
    {"year": "2009"},
    {"year": [2009, 2023]},
    {"year": []},
    {"year": {"min": 2020}},
    {"year": {"min": 2009, "max": 2020}},
    {"year": {"max": 1066}},
    {"topics": "dense"},
    {"topics": ["ranking", "structure"]},
    {"venue": "Kolloquium", "topics": "dense"},
    {"authors": "Hugo Zaragoza"},
    {"id": ["rrf", "stub"]},
    {},
]


@pytest.fixture(scope="module")
def retrievers() -> list[Retriever]:
    assembly = Assembly(PluginHost.discover(third_party=False))
    return [assembly.build("retriever", use("lexical")), assembly.build("retriever", use("dense"))]


@pytest.fixture(scope="module")
def views(retrievers: list[Retriever], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """The sample documents in memory and in an index on disk."""
    passages = [passage for document in DOCUMENTS for passage in BlockChunker().chunk(document)]
    index = Index.create(tmp_path_factory.mktemp("index") / "papers.plait")
    with index.writer() as writer:
        writer.declare([column for retriever in retrievers for column in retriever.columns])
        batch = IngestBatch(DOCUMENTS, passages)
        columns = {name: values for retriever in retrievers for name, values in retriever.encode(batch).items()}
        writer.put(DOCUMENTS, passages, columns)
        writer.commit("sample documents", identity={})
    yield memory_view(DOCUMENTS, retrievers), index.view()


def _by_id(view: IndexView, values: Any) -> dict[str, Any]:
    return dict(zip(view.passage_ids, values, strict=True))


def test_both_hold_the_same_passages_and_documents(views: tuple[IndexView, IndexView]) -> None:
    memory, disk = views
    assert set(memory.passage_ids) == set(disk.passage_ids)
    assert set(memory.document_ids) == set(disk.document_ids)
    for passage_id in memory.passage_ids:
        assert memory.passage(memory.row(passage_id)) == disk.passage(disk.row(passage_id))
    for document_id in memory.document_ids:
        assert memory.document(document_id).text == disk.document(document_id).text
        assert dict(memory.metadata(document_id)) == dict(disk.metadata(document_id))
        assert memory.title(document_id) == disk.title(document_id)


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_both_filter_alike(views: tuple[IndexView, IndexView], filters: dict[str, Any]) -> None:
    memory, disk = views
    first, second = memory.allowed(filters), disk.allowed(filters)
    if first is None or second is None:
        assert first is second is None
        return
    assert _by_id(memory, first) == _by_id(disk, second)


@pytest.mark.parametrize("filters", [{"yaer": 2009}, {"year": {"from": 1}}, {"year": {"min": "a", "max": 3}}], ids=str)
def test_both_refuse_the_same_filters(views: tuple[IndexView, IndexView], filters: dict[str, Any]) -> None:
    for view in views:
        with pytest.raises(QueryError):
            view.allowed(filters)


@pytest.mark.parametrize("number", [0, 1])
def test_both_give_a_retriever_the_same_hits(
    views: tuple[IndexView, IndexView], retrievers: list[Retriever], number: int
) -> None:
    memory, disk = views
    for question in ("Where do the negatives come from?", "reciprocal rank", "nächstes Wort"):
        first = {hit.passage_id: hit.score for hit in retrievers[number].retrieve(Query(question), memory, 99)}
        second = {hit.passage_id: hit.score for hit in retrievers[number].retrieve(Query(question), disk, 99)}
        assert first.keys() == second.keys()
        np.testing.assert_allclose([first[name] for name in first], [second[name] for name in first], atol=2e-3)
        assert first
