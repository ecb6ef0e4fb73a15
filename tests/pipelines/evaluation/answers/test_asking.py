"""Questions asked from end to end, of quoting and of writing pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.evaluation.answers.asking import ask_questions
from plait.evaluation.answers.questions import Question, collection_questions
from plait.evaluation.retrieval.collections import load_collection
from plait.hooks import PluginHost
from plait.rag import Rag, open_index


@pytest.fixture(scope="module")
def questions(answered_collection: Path) -> list[Question]:
    return collection_questions(load_collection(answered_collection))


def test_each_answer_is_the_one_that_the_pipeline_gives_when_asked_alone(
    answering: Rag, questions: list[Question]
) -> None:
    seen: list[tuple[str, int, int | None]] = []
    found = ask_questions(answering, questions, k=1, progress=lambda *told: seen.append(told))
    for one in found.asked:
        alone = answering.ask(one.question.text)
        assert (one.answer.text, one.answer.sentences, one.answer.declined) == (
            alone.text,
            alone.sentences,
            alone.declined,
        )
    assert seen == [("questions", done, 5) for done in range(6)]


def test_what_was_found_agreed_cited_and_declined_is_judged(answering: Rag, questions: list[Question]) -> None:
    asked = {one.question.id: one for one in ask_questions(answering, questions, k=1).asked}
    minutes, wall = asked["minutes"], asked["wall"]
    assert minutes.found == ("tea",)
    assert minutes.recall == 1.0
    assert minutes.agreement is not None
    assert minutes.agreement.contains
    assert minutes.quality.cited == minutes.quality.cited_supported > 0
    assert minutes.quality.relevant == minutes.citations.reopened == minutes.citations.total
    assert minutes.decision is None
    assert wall.answer.declined
    assert (wall.recall, wall.agreement) == (None, None)
    assert asked["sleep"].agreement is None  # a decision alone is no gold answer in words
    twisted = asked["twisted"].decision
    assert twisted is not None
    assert twisted.by == "text"


def test_given_evidence_is_the_gold_document_and_nothing_is_searched(answering: Rag, questions: list[Question]) -> None:
    found = ask_questions(answering, questions, evidence="given")
    for one in found.asked:
        assert {hit.document_id for hit in one.answer.hits} == set(one.question.documents)
        assert one.found is None
        assert one.recall is None
    assert found.asked[-1].answer.declined  # nothing answers it, so nothing is given


def test_why_the_backend_did_not_choose_is_kept(answering: Rag, questions: list[Question]) -> None:
    assert "choices" in ask_questions(answering, questions[1:2]).not_chosen
    assert ask_questions(answering, questions[:1]).not_chosen == ""  # nothing was to be decided


def test_a_question_that_is_no_query_counts_as_declined_and_is_named(answering: Rag) -> None:
    blank = Question("blank", "  ", ("tea",), "two minutes", "single")
    found = ask_questions(answering, [blank])
    assert found.asked[0].answer.declined
    assert found.asked[0].agreement is not None
    assert found.asked[0].agreement.f1 == 0.0
    assert found.refused == (("blank", "the query is empty. Fix: ask with at least one word."),)


def test_the_best_of_several_gold_answers_counts(answering: Rag) -> None:
    text = answering.ask("How many minutes is green tea steeped?").text
    question = Question("q", "How many minutes is green tea steeped?", ("tea",), "never", "single", also=(text, "x"))
    (one,) = ask_questions(answering, [question]).asked
    assert one.agreement is not None
    assert one.agreement.exact


def test_a_language_model_writes_in_batches_what_it_writes_alone_and_chooses(
    answering: Rag, questions: list[Question]
) -> None:
    generator = use("transformers", dtype="float32", threads=1)
    pipeline = Pipeline(
        readers=[use("beir")],
        retrievers=[use("lexical")],
        generator=generator,
        answer={"max_tokens": 12},  # type: ignore[arg-type]  # pydantic reads it
    )
    with open_index(answering.path, pipeline, host=PluginHost.discover(third_party=False)) as rag:
        together = ask_questions(rag, questions, evidence="given", batch=8)
        alone = ask_questions(rag, questions, evidence="given", batch=1)
    assert [one.answer.text for one in together.asked] == [one.answer.text for one in alone.asked]
    assert [one.decision for one in together.asked] == [one.decision for one in alone.asked]
    assert [one.decision is None for one in together.asked] == [True, False, False, False, True]
    assert all(one.decision is None or one.decision.by == "choices" for one in together.asked)
    assert together.not_chosen == ""
    assert not together.asked[0].answer.declined
