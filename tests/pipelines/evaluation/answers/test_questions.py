"""Questions from files of their own and from the queries of collections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plait.contracts.errors import ReadError
from plait.evaluation.answers.questions import Question, collection_questions, load_questions
from plait.evaluation.retrieval.collections import Collection, CollectionQuery


def record(**changes: Any) -> str:
    """One line of a question file."""
    whole = {"_id": "q1", "text": "what?", "documents": ["a"], "answer": "that", "kind": "single"}
    return json.dumps({key: value for key, value in (whole | changes).items() if value is not ...})


def test_questions_are_read_from_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(record() + "\n\n" + record(_id="q2", documents=[], answer="", kind="unanswerable") + "\n")
    first, second = load_questions(path)
    assert first == Question("q1", "what?", ("a",), "that", "single")
    assert first.answerable
    assert not second.answerable


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        (record(_id="q0"), "'q0' is here twice"),
        (record(text=" "), "'text' is missing"),
        (record(answer=...), "'answer' is missing"),
        (record(documents="a"), "'documents' must be a list"),
        (record(kind="riddle"), r"no kind 'riddle'.*Choices: single"),
        (record(documents=[]), "kind 'single' with 0 documents"),
        (record(kind="unanswerable"), "kind 'unanswerable' with 1 documents"),
    ],
)
def test_a_broken_question_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(record(_id="q0") + "\n" + line + "\n")
    with pytest.raises(ReadError, match=rf"questions\.jsonl:2: .*{message}"):
        load_questions(path)


def test_an_empty_missing_or_wrongly_encoded_file_of_questions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    with pytest.raises(ReadError, match="cannot be read"):
        load_questions(path)
    path.write_text("\n")
    with pytest.raises(ReadError, match="holds no question"):
        load_questions(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReadError, match="not UTF-8"):
        load_questions(path)


def test_an_answer_that_is_a_decision_is_one(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(record(answer="Maybe.") + "\n" + record(_id="q2", answer="maybe later"))
    first, second = load_questions(path)
    assert (first.decision, first.golds) == ("maybe", ("Maybe.",))
    assert second.decision is None


def of(metadata: dict[str, Any], **grades: int) -> Question:
    """The question of a collection with one query."""
    query = CollectionQuery("q", "what?", metadata)
    (question,) = collection_questions(Collection("c", Path("c"), "test", {"q": query}, {"q": grades}, frozenset("ab")))
    return question


def test_relevant_documents_of_a_collection_are_the_gold_ones() -> None:
    question = of({}, a=2, b=0)
    assert (question.documents, question.answer, question.golds, question.decision) == (("a",), "", (), None)
    assert question.answerable is True
    assert of({}, a=0).answerable is None  # nobody says that nothing answers it
    assert of({"answerable": False}, a=1).answerable is False
    assert of({"answerable": False}, a=1).documents == ()


@pytest.mark.parametrize(
    ("metadata", "golds", "decision"),
    [
        ({"final_decision": "yes", "long_answer": "It does."}, ("It does.",), "yes"),
        ({"answer": "No"}, (), "no"),
        ({"answer": "It does not."}, ("It does not.",), None),
        ({"answer": "B", "options": ["tea", "rope"]}, ("rope",), None),
        ({"answer": "Z", "options": ["tea", "rope"]}, (), None),
        ({"answer": "tea", "answers": ["green tea", 7]}, ("tea", "green tea"), None),
        ({"answer": 3, "final_decision": "perhaps"}, (), None),
    ],
)
def test_gold_answers_and_decisions_come_from_the_metadata(
    metadata: dict[str, Any], golds: tuple[str, ...], decision: str | None
) -> None:
    question = of(metadata, a=1)
    assert (question.golds, question.decision) == (golds, decision)
