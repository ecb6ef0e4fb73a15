"""Twenty-five further questions about the example papers, asked through the whole pipeline."""

import json
from pathlib import Path

import pytest

from plait.config import Pipeline
from plait.rag import open_index

PAPERS = Path(__file__).parents[3] / "examples" / "papers"
QUESTIONS = [
    json.loads(line)
    for line in Path(__file__).with_name("relevance_questions.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    with open_index(tmp_path_factory.mktemp("relevance") / "papers.plait", Pipeline()) as rag:
        rag.add(PAPERS)
        yield [(question, rag.ask(question["question"])) for question in QUESTIONS]


def reason(answer):
    return next(stage.detail["reason"] for stage in answer.trace.stages if stage.name == "gate")


def test_plain_questions_with_an_answer_are_answered(answers):
    declined = [question["question"] for question, answer in answers if question["answerable"] and answer.declined]
    assert sum(question["answerable"] for question in QUESTIONS) == 15
    assert declined == []


def test_questions_without_an_answer_are_declined(answers):
    answered = [
        question["question"] for question, answer in answers if not question["answerable"] and not answer.declined
    ]
    assert sum(not question["answerable"] for question in QUESTIONS) == 10
    assert answered == []


def test_a_missing_quantity_and_an_unknown_name_are_said(answers):
    reasons = {question["question"]: reason(answer) for question, answer in answers}
    assert "about 'Contriever' do not mention 'carbon footprint'" in reasons[QUESTIONS[17]["question"]]
    assert "no document found mentions 'SPLADE'" in reasons[QUESTIONS[20]["question"]]


def test_the_notes_that_answer_are_among_the_hits(answers):
    for question, answer in answers:
        assert set(question["documents"]) <= {hit.document_id for hit in answer.hits}
