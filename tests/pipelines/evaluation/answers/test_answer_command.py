"""From a collection or a file of questions to judged answers, with real parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.contracts.errors import ConfigError, PlaitError, ReadError
from plait.evaluation.answers.answer_command import evaluate_answers


def test_the_queries_of_a_collection_are_answered_judged_and_written_out(
    answered_collection: Path, answering_pipeline: Pipeline, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    evaluation = evaluate_answers(answered_collection, pipeline=answering_pipeline, json_out=out, resamples=200)
    (system,) = evaluation.systems
    assert system.label == "extractive"
    assert system.measures["recall of documents"].interval.mean == 1.0
    assert system.measures["refusal accuracy"].interval.mean == 1.0
    assert system.measures["unanswerable declined"].questions == 1
    assert system.measures["citation precision"].interval.mean == 1.0
    assert "decision accuracy" not in system.measures
    assert any("decisions are not measured" in note for note in system.notes)
    assert system.cpu_seconds > 0
    report = json.loads(out.read_text())
    assert report["collection"] == {
        "name": "small", "path": str(answered_collection), "split": "test", "questions": 5, "asked": 5,
    }  # fmt: skip
    assert {"retrieve", "gate", "generate", "verify"} <= set(report["systems"][0]["cpu_ms_by_stage"])
    rows = {row["measure"]: row for row in report["rows"]}
    assert (rows["citation precision"]["task"], rows["citation precision"]["value"]) == ("small, test", 1.0)
    assert report["settings"]["pipelines"]["extractive"]["retrievers"] == [{"use": "lexical"}]
    assert "plait-evaluate-" not in out.read_text()


def test_the_first_questions_can_be_asked_with_their_documents_given(
    answered_collection: Path, answering_pipeline: Pipeline
) -> None:
    evaluation = evaluate_answers(
        answered_collection, pipeline=answering_pipeline, evidence="given", limit=2, resamples=100
    )
    (system,) = evaluation.systems
    assert [one.question.id for one in system.asked.asked] == ["minutes", "twisted"]
    assert "recall of documents" not in system.measures
    assert (evaluation.settings["evidence"], evaluation.settings["limit"]) == ("given", 2)
    assert (evaluation.collection["questions"], evaluation.collection["asked"]) == (5, 2)


def test_two_pipelines_are_compared_over_one_index_where_they_build_the_same(
    answered_collection: Path, answering_pipeline: Pipeline, tmp_path: Path
) -> None:
    brief = tmp_path / "brief.toml"
    brief.write_text(
        'readers = [{ use = "beir" }]\nretrievers = [{ use = "lexical" }]\n'
        'generator = { use = "extractive", max_sentences = 1 }\n'
    )
    evaluation = evaluate_answers(
        answered_collection, pipeline=answering_pipeline, other=brief, index=tmp_path / "index", resamples=100
    )
    first, second = evaluation.systems
    assert (first.label, second.label) == ("extractive (default)", "extractive (brief)")
    assert "extractive (brief)" in first.measures["token F1"].against
    assert all(len(one.answer.sentences) <= 1 for one in second.asked.asked)
    assert evaluation.notes == ()


def test_a_pipeline_that_builds_another_index_gets_one_of_its_own(
    answered_collection: Path, answering_pipeline: Pipeline, tmp_path: Path
) -> None:
    dense = Pipeline(readers=[use("beir")], retrievers=[use("dense"), use("lexical")])
    place = tmp_path / "index"
    evaluation = evaluate_answers(
        answered_collection, pipeline=answering_pipeline, other=dense, index=place, resamples=100
    )
    assert [system.label for system in evaluation.systems] == ["extractive (1)", "extractive (2)"]
    again = evaluate_answers(answered_collection, pipeline=answering_pipeline, index=place, resamples=100)
    assert again.systems[0].measures["token F1"].interval == evaluation.systems[0].measures["token F1"].interval


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    rope = {"text": "How many strands make a laid rope?", "documents": ["rope"], "answer": "three"}
    tea = {"text": "Is green tea steeped for two minutes?", "documents": ["lost"], "answer": "yes"}
    lines = [{"_id": name, "kind": "single", **line} for name, line in (("a", rope), ("b", tea))]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_file_of_questions_is_asked_of_the_documents_named(
    questions: Path, answered_collection: Path, answering_pipeline: Pipeline
) -> None:
    evaluation = evaluate_answers(questions, pipeline=answering_pipeline, documents=answered_collection, resamples=100)
    (system,) = evaluation.systems
    assert system.measures["recall of documents"].interval.mean == 0.5
    assert system.decisions == {"yes": {"undecided": 1}}
    assert evaluation.notes == ("1 gold documents are not in the index (lost)",)


def test_a_file_of_questions_needs_documents_or_an_index(questions: Path) -> None:
    with pytest.raises(ConfigError, match=r"says nothing about the documents.*--documents.*--index"):
        evaluate_answers(questions)


def test_a_collection_takes_no_other_documents(answered_collection: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="brings its own documents"):
        evaluate_answers(answered_collection, documents=tmp_path)


def test_what_cannot_work_is_said_before_anything_is_indexed(answered_collection: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such folder"):
        evaluate_answers(tmp_path / "nowhere")
    with pytest.raises(ReadError, match=r"no split 'dev'.*test"):
        evaluate_answers(answered_collection, split="dev")
    with pytest.raises(PlaitError, match="no such folder"):
        evaluate_answers(answered_collection, json_out=tmp_path / "no" / "out.json", index=tmp_path / "index")
    assert not (tmp_path / "index").exists()
