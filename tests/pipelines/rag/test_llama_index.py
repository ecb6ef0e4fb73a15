"""A pipeline used from LlamaIndex: its nodes, its answers, and its event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import NodeRelationship

from plait.config import Pipeline, use
from plait.rag import Rag, open_index
from plait.rag.llama_index import PlaitQueryEngine, PlaitRetriever

QUESTION = "How many strands make one braid?"


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("papers")
    (folder / "braids.md").write_text(
        "---\nid: braids\ntitle: On braids\nyear: 1999\nauthors: [E. Artin]\n---\n\n"
        "Three strands make one braid. Hair is often braided.\n"
    )
    (folder / "graphs.md").write_text("---\nid: graphs\ntitle: On graphs\nyear: 2001\n---\n\nA graph has nodes.\n")
    pipeline = Pipeline(retrievers=[use("dense"), use("lexical")])
    with open_index(folder / "papers.plait", pipeline) as opened:
        opened.add(folder)
        yield opened


def test_the_retriever_finds_what_the_pipeline_finds(rag: Rag) -> None:
    nodes = PlaitRetriever(rag, k=2).retrieve(QUESTION)
    hits = rag.retrieve(QUESTION, 2)
    assert [(node.node.node_id, node.score) for node in nodes] == [(hit.passage_id, hit.score) for hit in hits]
    assert nodes[0].node.get_content().startswith("Three strands")


def test_metadata_are_the_same_each_time_and_lead_back_to_the_document(rag: Rag) -> None:
    first, again = (PlaitRetriever(rag, k=1).retrieve(QUESTION)[0].node for _ in range(2))
    assert first.metadata == again.metadata
    assert first.metadata["title"] == "On braids"
    assert first.metadata["year"] == 1999
    assert first.relationships[NodeRelationship.SOURCE].node_id == "braids"  # type: ignore[union-attr]
    text = rag.view.document("braids").text
    assert text[first.metadata["start"] : first.metadata["end"]] == first.get_content()


def test_nodes_belong_to_whoever_asked(rag: Rag) -> None:
    retriever = PlaitRetriever(rag, k=1)
    spoilt = retriever.retrieve(QUESTION)[0]
    spoilt.node.metadata["title"] = "changed"
    spoilt.score = -1.0
    fresh = retriever.retrieve(QUESTION)[0]
    assert (fresh.node.metadata["title"], fresh.score is not None and fresh.score > 0) == ("On braids", True)


def test_nested_metadata_of_a_node_are_not_the_indexs_own(rag: Rag) -> None:
    retriever = PlaitRetriever(rag, k=1)
    retriever.retrieve(QUESTION)[0].node.metadata["authors"].append("Nobody")
    assert retriever.retrieve(QUESTION)[0].node.metadata["authors"] == ["E. Artin"]
    assert rag.view.metadata("braids")["authors"] == ["E. Artin"]


def test_filters_hold(rag: Rag) -> None:
    nodes = PlaitRetriever(rag, filters={"year": 2001}).retrieve(QUESTION)
    assert {node.node.metadata["document_id"] for node in nodes} == {"graphs"}


def test_retrieving_leaves_the_event_loop_free(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    loop_went_on = threading.Event()
    retrieve_all = rag.retrieve_all

    def held_up(*arguments: Any) -> Any:
        assert loop_went_on.wait(60), "the event loop stood still while a retriever worked"
        return retrieve_all(*arguments)

    monkeypatch.setattr(rag, "retrieve_all", held_up)

    async def both() -> int:
        asked = asyncio.create_task(PlaitRetriever(rag, k=2).aretrieve(QUESTION))
        await asyncio.sleep(0.05)
        loop_went_on.set()
        return len(await asked)

    assert asyncio.run(both()) == 2


def test_it_works_inside_llama_indexs_own_engine(rag: Rag) -> None:
    from llama_index.core.llms import MockLLM

    engine = RetrieverQueryEngine(
        PlaitRetriever(rag, k=2),
        response_synthesizer=get_response_synthesizer(llm=MockLLM()),
        node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=0.0)],
    )
    response = engine.query(QUESTION)
    assert len(response.source_nodes) == 2


def test_an_answer_keeps_its_citations(rag: Rag) -> None:
    response = PlaitQueryEngine(rag).query(QUESTION)
    assert "Three strands make one braid." in str(response)
    assert [node.node.metadata["document_id"] for node in response.source_nodes] == ["braids"]
    assert response.metadata is not None
    (citation, *_) = response.metadata["sentences"][0]["citations"]
    text = rag.view.document(citation["document_id"]).text
    assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_a_question_that_cannot_be_answered_is_declined(rag: Rag) -> None:
    response = asyncio.run(PlaitQueryEngine(rag).aquery("What does a visa for Canada cost?"))  # type: ignore[arg-type]
    assert response.metadata is not None
    assert response.metadata["declined"] is True
    assert response.source_nodes == []


def test_the_engine_can_be_asked_for_passages_alone(rag: Rag, tmp_path: Path) -> None:
    from llama_index.core.schema import QueryBundle

    nodes = PlaitQueryEngine(rag, filters={"year": 1999}).retrieve(QueryBundle(QUESTION))
    assert [node.node.metadata["document_id"] for node in nodes] == ["braids"]
