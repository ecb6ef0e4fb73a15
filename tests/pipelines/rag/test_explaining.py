"""What stands behind a hit: cosines that can be worked out again, and edges that are really there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.config import Pipeline, use
from plait.contracts import Document, Reference, StructureSource
from plait.contracts.errors import ConfigError, QueryError
from plait.docgraph import DocumentGraph, GraphSettings, build_graph
from plait.docgraph.graph import graph_of_view
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.rag import open_index
from plait.rag.explaining import carrying_edges

QUESTION = "packets in the network"
EMBEDDER = MiniLM(MiniLMConfig())
RELATIONS = ("cites", "cited_by", "co_author", "co_topic")


def test_scores_are_the_dot_products_of_stored_vectors_with_the_question(trained: Path) -> None:
    vector = EMBEDDER.embed_queries([QUESTION])[0].astype(np.float64)
    with open_index(trained) as rag:
        explanation, view = rag.explain(QUESTION, 10), rag.view
        assert explanation.trained
        assert explanation.commit == 2
        assert [found.hit for found in explanation.hits] == list(rag.retrieve(QUESTION, 10))
        for found in explanation.hits:
            row = found.hit.row
            assert found.text == pytest.approx(view.vectors("dense")[row] @ vector, abs=1e-5)
            assert found.structure == pytest.approx(view.vectors("docgraph")[row] @ vector, abs=1e-5)
            assert found.fused == pytest.approx(view.vectors("gated")[row] @ vector, abs=1e-5)
            assert found.title == view.title(found.hit.document_id)
        assert any(found.fused != found.text for found in explanation.hits)


def test_edges_are_those_of_the_hits_document_and_carry_its_neighbours_text(trained: Path) -> None:
    vector = EMBEDDER.embed_queries([QUESTION])[0]
    with open_index(trained) as rag:
        walker, view = rag.parts.retrievers["docgraph"], rag.view
        assert isinstance(walker, StructureSource)
        graph = graph_of_view(view, walker.graph_settings)
        cosines = view.vectors("dense") @ vector
        shown = 0
        for found in rag.explain(QUESTION, 10, edges=4).hits:
            assert len(found.edges) <= 4
            assert [edge.carried for edge in found.edges] == sorted((e.carried for e in found.edges), reverse=True)
            for edge in found.edges:
                relation = graph.relations[edge.relation]
                mine = relation.source == graph.number(found.hit.document_id)
                other = graph.number(edge.document_id)
                assert other in relation.target[mine]
                best = cosines[view.document_numbers == other].max()
                assert edge.text == pytest.approx(best, abs=1e-5)
                weights = relation.weight[mine]
                assert edge.carried == pytest.approx(best * edge.weight / weights.sum(), abs=1e-5)
                shown += 1
        assert shown > 10
        assert all(found.edges == () for found in rag.explain(QUESTION, 10, edges=0).hits)


def test_the_json_is_the_same_every_time_and_plain(trained: Path) -> None:
    def told() -> str:
        with open_index(trained) as rag:
            return json.dumps(rag.explain(QUESTION, 5).to_json(), allow_nan=False)

    first = told()
    assert told() == first
    made = json.loads(first)
    assert list(made) == ["query", "commit", "trained", "earned", "broken", "hits"]
    assert list(made["hits"][0]) == [
        *("passage", "document", "title", "score", "text", "structure", "fused", "has_structure", "strands", "edges"),
    ]
    assert list(made["hits"][0]["edges"][0]) == ["relation", "document_id", "title", "weight", "text", "carried"]


def test_before_training_structure_and_fused_are_text(community: Path) -> None:
    with open_index(community) as rag:
        explanation = rag.explain(QUESTION)
        assert not explanation.trained
        for found in explanation.hits:
            assert found.fused == found.text
            assert found.structure == pytest.approx(found.text, abs=1e-5)  # one passage a document


def test_a_document_that_is_tied_to_nothing_says_so(community: Path, tmp_path: Path) -> None:
    (tmp_path / "lone.md").write_text("---\nid: lone\ntitle: Zymurgy\n---\n\nZymurgy is about fermenting.\n")
    with open_index(community) as rag:
        rag.add(tmp_path / "lone.md")
        (lone,) = (found for found in rag.explain("zymurgy", 9).hits if found.hit.document_id == "lone")
        assert not lone.has_structure
        assert lone.edges == ()
        assert lone.structure == pytest.approx(lone.text, abs=1e-6)


def test_without_a_graph_there_is_text_alone_and_without_text_the_error_says_what_to_add(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\nid: a\n---\n\nText.\n")
    with open_index(tmp_path / "dense", Pipeline(retrievers=(use("dense"),))) as rag:
        rag.add(tmp_path / "a.md")
        (found,) = rag.explain("text").hits
        assert (found.structure, found.fused, found.has_structure, found.edges) == (None, None, False, ())
        with pytest.raises(QueryError):
            rag.explain("")
    with open_index(tmp_path / "lexical", Pipeline(retrievers=(use("lexical"),))) as rag:
        rag.add(tmp_path / "a.md")
        with pytest.raises(ConfigError, match=r"no text vectors.*Choices: lexical.*add use\('dense'\)"):
            rag.explain("text")


def test_nothing_found_explains_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\nid: a\n---\n\nText.\n")
    with open_index(tmp_path / "i", Pipeline(retrievers=(use("dense"), use("lexical"), use("docgraph")))) as rag:
        rag.add(tmp_path / "a.md")
        rag.remove("a")
        assert rag.explain("text").hits == ()


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
    found = carrying_edges(graph, 0, text, most=10)
    assert [(e.relation, e.document_id, e.weight, round(e.carried, 4)) for e in found] == [
        ("co_author", "b", 2.0, 0.5333),
        ("cites", "b", 1.0, 0.4),
        ("cited_by", "c", 1.0, 0.2),
        ("cites", "c", 1.0, 0.2),
        ("co_author", "c", 1.0, 0.1333),
        ("cited_by", "d", 1.0, 0.1),
    ]
    assert {e.title for e in found} == {"On b", "On c", "On d"}
    assert carrying_edges(graph, 0, text, most=2) == found[:2]
    assert carrying_edges(graph, 4, text) == ()


def test_a_neighbour_without_text_carries_nothing(graph: DocumentGraph) -> None:
    text = np.array([0.9, -np.inf, 0.4, 0.2, 0.1], np.float32)
    (silent,) = (e for e in carrying_edges(graph, 0, text, most=9) if (e.relation, e.document_id) == ("cites", "b"))
    assert (silent.text, silent.carried) == (0.0, 0.0)


@given(st.lists(st.floats(-1, 1, width=32), min_size=5, max_size=5), st.integers(0, 4), st.integers(0, 9))
def test_what_a_relation_carried_is_the_weighted_mean_of_its_neighbours(
    graph: DocumentGraph, scores: list[float], document: int, most: int
) -> None:
    text = np.array(scores, np.float32)
    for relation in RELATIONS:
        edges = graph.relations[relation]
        mine = edges.source == document
        every = [e for e in carrying_edges(graph, document, text, most=100) if e.relation == relation]
        mean = float(np.average(text[edges.target[mine]], weights=edges.weight[mine])) if mine.any() else 0.0
        assert sum(e.carried for e in every) == pytest.approx(mean, abs=1e-6)
    best = carrying_edges(graph, document, np.abs(text), most=most)
    whole = carrying_edges(graph, document, np.abs(text), most=100)
    assert best == whole[:most]
