"""Questions asked from end to end, with a small real pipeline over the sample documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.contracts import Answer, Citation, Hit, Sentence
from plait.contracts.errors import ReadError
from plait.evaluation.answers import tokens
from plait.evaluation.questions import Question, ask_questions, load_questions
from plait.testing import MemoryView, memory_view, sample_documents


class Quoting:
    """Answers with the passage that shares most words with the question; declines when fewer than two are shared."""

    def __init__(self, view: MemoryView) -> None:
        self.view = view

    def retrieve(self, query: str, k: int) -> Sequence[Hit]:
        words = set(tokens(query))
        shared = [len(words & set(tokens(self.view.passage(row).text))) for row in range(len(self.view))]
        rows = np.argsort([-count for count in shared], kind="stable")[:k]
        return self.view.hits(rows, np.array([float(shared[row]) for row in rows]))

    def ask(self, question: str) -> Answer:
        best = self.retrieve(question, 1)[0]
        if best.score < 2:
            return Answer(question, "No.", hits=(best,), declined=True, finish_reason="declined")
        passage = self.view.passage(best.row)
        citation = Citation(1, passage.span, passage.id, "t", passage.text, 1.0)
        sentences = (Sentence(passage.text, (citation,), True), Sentence("So they say.", (), False, "nothing like it"))
        return Answer(question, f"{passage.text} So they say.", sentences, (best,))


@pytest.fixture
def view() -> MemoryView:
    """The sample documents."""
    return memory_view(sample_documents())


def record(**changes: Any) -> str:
    """One line of a question file."""
    whole = {"_id": "q1", "text": "what?", "documents": ["a"], "answer": "that", "kind": "single"}
    return json.dumps({key: value for key, value in (whole | changes).items() if value is not ...})


def test_a_report_counts_what_was_found_answered_cited_and_declined(view: MemoryView) -> None:
    passage, other = view.passage(0), view.passage(len(view) - 1)
    assert passage.document_id != other.document_id
    questions = [
        Question("q1", passage.text, (passage.document_id,), passage.text, "single"),
        Question("q2", passage.text, (passage.document_id, "not-there"), "zebra", "two_notes"),
        Question("q3", "zzz qqq", (), "", "unanswerable"),
        Question("q4", other.text, (), "", "unanswerable"),
        Question("q5", "xyzzy", (passage.document_id,), "gold", "table"),
    ]
    seen: list[tuple[str, int, int | None]] = []
    report = ask_questions(Quoting(view), questions, k=1, progress=lambda *told: seen.append(told))
    assert [one.recall for one in report.asked] == [1.0, 0.5, None, None, 1.0]
    assert report.recall == pytest.approx(2.5 / 3)
    assert (report.citations.total, report.citations.reopened) == (3, 3)
    counts = report.refusals
    assert (counts.unanswerable, counts.unanswerable_declined) == (2, 1)
    assert (counts.answerable, counts.answerable_declined) == (3, 1)
    assert report.supported == pytest.approx(1 / 2)
    assert report.contains == pytest.approx(1 / 3)
    assert report.cited_gold == 1.0
    assert report.kinds() == ["single", "two_notes", "table", "unanswerable"]
    assert report.of_kind("single").f1 == report.asked[0].agreement.f1  # type: ignore[union-attr]  # it is answerable
    assert report.of_kind("unanswerable").recall is None
    assert report.of_kind("unanswerable").f1 is None
    assert json.loads(json.dumps(report.summary()))["recall@1"] == report.recall
    assert seen == [("questions", done, 5) for done in range(5)]


def test_a_declined_answer_agrees_with_no_gold_answer(view: MemoryView) -> None:
    report = ask_questions(Quoting(view), [Question("q", "xyzzy", ("a",), "no", "single")])
    assert report.asked[0].answer.text == "No."
    assert report.f1 == 0.0
    assert report.contains == 0.0


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
