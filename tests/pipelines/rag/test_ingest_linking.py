"""Citations of an index on disk: stored with their documents in one commit, the same in whatever order these came."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.config import Pipeline, use
from plait.contracts import Document, Edge, Passage
from plait.contracts.errors import IdentityError, PluginError
from plait.docgraph import GraphSettings, build_graph
from plait.docgraph.graph import graph_of_view
from plait.rag import Rag, open_index

LEXICAL = Pipeline(retrievers=(use("lexical"),))
GRAPH = Pipeline(
    retrievers=(use("dense"), use("lexical"), use("docgraph", relations=["cites", "cited_by"], encoder="propagation")),
    fusion=use("gated"),
)
FRONT = {
    "braids": "year: 1947\nidentifiers: {doi: 10.1000/braids}",
    "knots": "references: [braids, nowhere]\nyear: 1960\ntopics: [topology]\ncategories: [maths]",
    "links": 'references: [{title: "On the study of knots", year: 1960}, {doi: 10.1000/braids}]\nyear: 1970',
    "looms": 'references: ["links", {text: "A. Weaver. On the study of shuttles. 1980."}]\nyear: 1985\n'
    "categories: [maths]",
    "shuttles": "authors: [A. Weaver]\nyear: 1980\nreferences: [looms]",
}


def write(folder: Path, names: Sequence[str] = tuple(FRONT)) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.md").write_text(
            f"---\nid: {name}\ntitle: On the study of {name}\n{FRONT[name]}\n---\n\nWhat is known of {name}.\n"
        )
    return folder


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with open_index(tmp_path / "index", LEXICAL) as opened:
        yield opened


def edges(rag: Rag) -> set[Edge]:
    stored = rag.index.view().edges()
    assert stored is not None
    assert len(stored) == len(set(stored))
    return set(stored)


def cited(rag: Rag) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in edges(rag) if edge.relation == "cites"}


ALL = {
    ("knots", "braids"), ("knots", ""), ("links", "knots"), ("links", "braids"), ("looms", "links"),
    ("looms", "shuttles"), ("shuttles", "looms"),
}  # fmt: skip


@pytest.mark.parametrize(
    "runs",
    [
        [["braids", "knots", "links", "looms", "shuttles"]],
        [["looms"], ["links"], ["shuttles"], ["knots"], ["braids"]],
        [["shuttles", "links"], ["braids", "looms", "knots"]],
    ],
)
def test_the_order_and_the_runs_of_additions_leave_no_trace(
    rag: Rag, tmp_path: Path, runs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.rag.ingest.BATCH_PASSAGES", 2)
    for names in runs:
        rag.add(*(write(tmp_path / name, [name]) for name in names))
    assert cited(rag) == ALL
    assert rag.index.check() == []
    view = rag.index.view()
    stored = graph_of_view(view, facts=view.edges())
    at_once = build_graph([view.document(name) for name in view.document_ids])
    for name, relation in at_once.relations.items():
        assert np.array_equal(stored.relations[name].source, relation.source), name
        assert np.array_equal(stored.relations[name].target, relation.target), name


def test_structural_vectors_are_the_same_however_documents_came(tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    for number, runs in enumerate(([list(FRONT)], [["looms", "shuttles"], ["braids"], ["links", "knots"]])):
        with open_index(tmp_path / str(number), GRAPH) as rag:
            for names in runs:
                rag.add(*(write(tmp_path / name, [name]) for name in names))
            view = rag.view
            found.append(dict(zip(view.passage_ids, view.vectors("docgraph"), strict=True)))
    assert found[0].keys() == found[1].keys()
    for passage, vector in found[0].items():
        assert found[1][passage] == pytest.approx(vector, abs=1e-5)


def test_references_to_a_removed_document_stay_and_resolve_when_it_comes_back(rag: Rag, tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus")
    rag.add(corpus)
    before = edges(rag)
    rag.remove("knots", "shuttles")
    assert cited(rag) == {("links", ""), ("links", "braids"), ("looms", "links"), ("looms", "")}
    assert rag.index.check() == []
    assert sorted(rag.add(corpus).added) == ["knots", "shuttles"]
    assert edges(rag) == before


def test_a_run_that_was_stopped_is_linked_by_the_next_one_though_nothing_is_new(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.rag.ingest.BATCH_PASSAGES", 1)
    corpus = write(tmp_path / "corpus")

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("plait.rag.ingest.Ingestor._link", stop)
        with pytest.raises(KeyboardInterrupt):
            rag.add(corpus)
    assert rag.index.commit.notes["unlinked"] is True
    assert cited(rag) != ALL
    assert rag.index.check() == []
    summary = rag.add(corpus)
    assert (summary.added, summary.unchanged) == ([], 5)
    assert cited(rag) == ALL
    assert rag.index.commit.notes["unlinked"] is False
    assert rag.add(corpus).commit == summary.commit


def test_documents_edges_and_columns_change_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = write(tmp_path / "first", ["knots", "links"]), write(tmp_path / "second", ["braids", "looms"])
    with open_index(tmp_path / "index", GRAPH) as rag:
        rag.add(first)
        commit, before = rag.index.commit, edges(rag)
        hits = [(hit.passage_id, hit.score) for hit in rag.retrieve("knots")]

        def fails(_: object) -> None:
            raise ValueError("no graph today")

        with monkeypatch.context() as patch:
            patch.setattr(rag.parts.retrievers["docgraph"], "encode_corpus", fails)
            with pytest.raises(PluginError, match=r"docgraph, while it worked out.*ValueError: no graph today"):
                rag.add(second)
        assert rag.index.commit == commit
        assert edges(rag) == before
        assert [(hit.passage_id, hit.score) for hit in rag.retrieve("knots")] == hits
        assert rag.index.check() == []
        assert sorted(rag.add(second).added) == ["braids", "looms"]
        assert rag.index.commit.number == commit.number + 1
        assert ("knots", "braids") in cited(rag)
        assert np.asarray(rag.view.values("docgraph.tied")).all()


def test_a_rebuild_takes_topics_from_elsewhere(tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus")
    settings = {"relations": ["cites", "co_topic"], "encoder": "propagation"}
    retrievers = (use("dense"), use("lexical"))
    with open_index(tmp_path / "i", Pipeline(retrievers=(*retrievers, use("docgraph", **settings)))) as rag:
        rag.add(corpus)
        assert {edge.target for edge in edges(rag) if edge.relation == "topic"} == {"topology"}
        assert rag.index.commit.identity["edges"]["topics_from"] == ["topics"]
    other = use("docgraph", topics_from=["categories"], **settings)
    with open_index(tmp_path / "i", Pipeline(retrievers=(*retrievers, other))) as rag:
        with pytest.raises(IdentityError, match="topics_from"):
            rag.add(corpus)
        rag.rebuild()
        topics = {(edge.source, edge.target) for edge in edges(rag) if edge.relation == "topic"}
        assert topics == {("knots", "maths"), ("looms", "maths")}
        assert cited(rag) == ALL
        view = rag.view
        assert len(graph_of_view(view, GraphSettings(), facts=view.edges()).relations["co_topic"].source) == 2


def test_a_pipeline_without_a_graph_keeps_the_indexs_own_settings(tmp_path: Path) -> None:
    other = use("docgraph", topics_from=["categories"], encoder="propagation")
    with open_index(tmp_path / "i", Pipeline(retrievers=(use("dense"), use("lexical"), other))) as rag:
        rag.add(write(tmp_path / "some", ["knots", "braids", "links"]))
        stored = rag.index.commit.identity["edges"]
    with open_index(tmp_path / "i", LEXICAL) as rag:
        rag.add(write(tmp_path / "rest", ["looms", "shuttles"]))
        assert rag.index.commit.identity["edges"] == stored
        assert {(e.source, e.target) for e in edges(rag) if e.relation == "topic"} == {
            ("knots", "maths"),
            ("looms", "maths"),
        }
        assert cited(rag) == ALL
        rag.rebuild()
        assert rag.index.commit.identity["edges"] == stored
        assert cited(rag) == ALL


def test_a_changed_document_that_cannot_be_stored_is_still_cited_as_it_was(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = write(tmp_path / "corpus")
    rag.add(corpus)
    before, chunk = edges(rag), rag.parts.chunker.chunk

    def cuts_knots_wrongly(document: Document) -> Sequence[Passage]:
        passages = chunk(document)
        return [replace(passages[0], text="not what stands there")] if document.id == "knots" else passages

    for name in ("knots", "links"):
        (corpus / f"{name}.md").write_text((corpus / f"{name}.md").read_text() + "\nAnd more.\n")
    with monkeypatch.context() as patch:
        patch.setattr(rag.parts.chunker, "chunk", cuts_knots_wrongly)
        summary = rag.add(corpus)
    assert summary.updated == ["links"]
    assert "knots.md" in str(summary.failures[0])
    assert edges(rag) == before


def test_one_document_that_a_chunker_cannot_cut_costs_no_other_its_citations(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk = rag.parts.chunker.chunk

    def fails_on_looms(document: Document) -> Sequence[Passage]:
        if document.id == "looms":
            raise ValueError("no words")
        return chunk(document)

    corpus = write(tmp_path / "corpus")
    with monkeypatch.context() as patch:
        patch.setattr(rag.parts.chunker, "chunk", fails_on_looms)
        assert len(rag.add(corpus).failures) == 1
    assert cited(rag) == {pair for pair in ALL if "looms" not in pair} | {("shuttles", "")}
    rag.add(corpus)
    assert cited(rag) == ALL


def test_an_index_from_before_edges_were_stored_gets_those_of_all_documents(tmp_path: Path) -> None:
    folder = write(tmp_path / "papers")
    with open_index(tmp_path / "whole", LEXICAL) as whole:
        whole.add(folder)
        expected = edges(whole)
    with open_index(tmp_path / "old", LEXICAL) as old:
        old.add(write(tmp_path / "first", list(FRONT)[:-1]))
        current = tmp_path / "old" / "index.json"
        record = json.loads(current.read_text())
        del record["tables"]["edges"], record["identity"]["edges"]
        current.write_text(json.dumps(record))
        shutil.rmtree(tmp_path / "old" / "tables" / "edges.lance")
    with open_index(tmp_path / "old", LEXICAL) as old:
        assert old.index.view().edges() is None
        old.add(folder)
        assert edges(old) == expected
