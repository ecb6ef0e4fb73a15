"""The main job on the example papers: index, ask, check every citation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plait.config import AnswerSettings, Pipeline, use
from plait.contracts import Answer
from plait.rag import Rag, open_index

PAPERS = Path(__file__).parents[2] / "examples" / "papers"
QUESTION = "How does ATLANTIC bring document structure to the language model?"


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    with open_index(tmp_path_factory.mktemp("e2e") / "papers.plait", Pipeline()) as opened:
        summary = opened.add(PAPERS)
        assert len(summary.added) == 45
        assert summary.failures == []
        yield opened


def citations_that_do_not_open(rag: Rag, answer: Answer) -> list[str]:
    return [
        citation.quote
        for citation in answer.citations
        if rag.view.document(citation.span.document_id).text[citation.span.start : citation.span.end] != citation.quote
    ]


def test_an_answer_cites_the_right_note_and_every_citation_opens(rag: Rag) -> None:
    answer = rag.ask(QUESTION)
    assert not answer.declined
    assert "atlantic" in {citation.span.document_id for citation in answer.citations}
    assert citations_that_do_not_open(rag, answer) == []
    assert all(sentence.supported for sentence in answer.sentences)


def test_the_trace_says_where_the_time_went(rag: Rag) -> None:
    stages = rag.ask(QUESTION).trace.stages
    assert [stage.name for stage in stages] == ["open", "retrieve", "gate", "prompt", "generate", "verify"]
    assert all(stage.wall_seconds > 0 for stage in stages)


def test_the_same_question_gets_the_same_answer(rag: Rag) -> None:
    assert rag.ask(QUESTION).sentences == rag.ask(QUESTION).sentences


@pytest.mark.parametrize(("owner", "move"), [("rag", "prepare"), ("generator", "stream"), ("rag", "finish")])
def test_asking_within_an_event_loop_gives_the_same_answer_and_leaves_the_loop_free(
    rag: Rag, owner: str, move: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, loop_went_on = threading.Event(), threading.Event()
    part = rag if owner == "rag" else rag.parts.generator
    original = getattr(part, move)

    def held_up(*arguments: Any, **settings: Any) -> Any:
        begun.set()
        assert loop_went_on.wait(60), f"the event loop stood still during {move}"
        return original(*arguments, **settings)

    expected = rag.ask(QUESTION)
    monkeypatch.setattr(part, move, held_up)

    async def both() -> Answer:
        asked = asyncio.create_task(rag.aask(QUESTION))
        await asyncio.to_thread(begun.wait, 60)
        loop_went_on.set()
        return await asked

    assert asyncio.run(both()).sentences == expected.sentences


def test_a_question_that_the_notes_do_not_answer_is_declined(rag: Rag) -> None:
    answer = rag.ask("Which goods did Hanseatic merchants ship from Novgorod to Lübeck?")
    assert answer.declined
    assert answer.citations == ()
    assert answer.finish_reason == "declined"


def test_filters_leave_out_what_does_not_satisfy_them(rag: Rag) -> None:
    from plait.contracts import Query

    hits = rag.retrieve(Query("dense retrieval", filters={"year": {"min": 2024}}), k=20)
    assert hits
    assert min(rag.view.metadata(hit.document_id)["year"] for hit in hits) >= 2024


def test_a_table_is_found_and_quoted(rag: Rag) -> None:
    answer = rag.ask("On which dataset does DPR lose to BM25, and what are the top-20 figures?")
    assert "dpr" in {citation.span.document_id for citation in answer.citations}
    assert citations_that_do_not_open(rag, answer) == []


def test_the_index_passes_its_own_check(rag: Rag) -> None:
    assert rag.index.check() == []


@pytest.mark.slow
def test_a_language_model_writes_and_its_sentences_are_checked(rag: Rag) -> None:
    small = Pipeline(
        generator=use("transformers", model="smollm2-135m"), answer=AnswerSettings(passages=2, max_tokens=48)
    )
    with open_index(rag.path, small) as written:
        pieces: list[str] = []
        answer = written.ask(QUESTION, on_text=pieces.append)
        assert pieces
        assert answer.sentences
        assert citations_that_do_not_open(written, answer) == []
        assert all(sentence.citations or not sentence.supported for sentence in answer.sentences)
        assert all(sentence.reason for sentence in answer.unsupported)
        assert answer.sentences == written.ask(QUESTION).sentences
