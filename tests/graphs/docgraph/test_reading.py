"""An index's documents make the graph that the documents themselves make."""

from __future__ import annotations

from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.contracts import ReadReport
from plait.docgraph import Resolver, build_graph, facts_of
from plait.docgraph.reading import graph_of_view
from plait.docgraph.records import Record
from plait.index import Index
from plait.rag import open_index
from plait.readers.markdown import MarkdownReader

PAPERS = Path(__file__).parents[3] / "examples" / "papers"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    place = tmp_path_factory.mktemp("index") / "papers.plait"
    with open_index(place, Pipeline(retrievers=[use("lexical")])) as rag:
        rag.add(PAPERS)
    return Index.open(place)


def test_the_graph_of_an_index_is_that_of_its_documents(index: Index) -> None:
    view = index.view()
    told: list[int] = []
    graph = graph_of_view(view, progress=lambda _what, done, _all: told.append(done))
    documents = [d for path in sorted(PAPERS.glob("*.md")) for d in MarkdownReader().read(path, ReadReport())]
    assert graph.fingerprint == build_graph(sorted(documents, key=lambda d: d.id)).fingerprint
    assert told == list(range(len(documents)))
    assert graph.report.facts is not None
    assert graph.report.facts.resolved["id"] == graph.report.references > 90


def test_stored_facts_make_the_same_graph_without_opening_a_document(index: Index) -> None:
    view = index.view()
    documents = [view.document(i) for i in view.document_ids]
    facts = facts_of(documents, Resolver(map(Record.of, documents)))
    graph = graph_of_view(view, facts=(fact for of_one in facts.values() for fact in of_one))
    assert graph.fingerprint == graph_of_view(view).fingerprint


def test_an_empty_index_has_an_empty_graph(tmp_path: Path) -> None:
    assert len(graph_of_view(Index.create(tmp_path / "i").view())) == 0
