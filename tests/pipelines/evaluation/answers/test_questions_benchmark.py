"""benchmarks/questions.py on two notes written here, from files to exit status."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from plait.contracts import Answer
from plait.evaluation.answers.asking import Asked
from plait.evaluation.answers.quality import CitationCheck, CitationQuality
from plait.evaluation.answers.questions import Question

SCRIPT = Path(__file__).parents[4] / "benchmarks" / "questions.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("questions_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def test_two_notes_are_indexed_asked_about_and_reported(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "tea.md").write_text(
        "---\nid: tea\ntitle: Steeping green tea\n---\nGreen tea is steeped for two minutes at 75 degrees Celsius.\n"
    )
    (notes / "rope.md").write_text(
        "---\nid: rope\ntitle: Laid rope\n---\nA laid rope is made of three strands that are twisted together.\n"
    )
    questions = tmp_path / "questions.jsonl"
    strands = {"text": "How many strands make a laid rope?", "documents": ["rope"], "answer": "three strands"}
    wall = {"text": "Which year did the Berlin Wall fall?", "documents": [], "answer": ""}
    asked = [{"_id": "a", "kind": "single", **strands}, {"_id": "b", "kind": "unanswerable", **wall}]
    questions.write_text("".join(json.dumps(line) + "\n" for line in asked))
    out = tmp_path / "out.json"
    status = script.main(["--notes", str(notes), "--questions", str(questions), "--json", str(out), "--show"])
    report = json.loads(out.read_text())
    (system,) = report["systems"]
    figures = system["measures"]
    assert figures["recall of documents"]["figure"] == 1.0
    assert figures["citations re-opened"]["count"] > 0
    assert figures["citations re-opened"]["figure"] == 1.0
    assert system["by_kind"]["single"]["contains gold"] == 1.0
    first, second = system["answers"]
    assert first["found"][0] == "rope"
    quotes = [citation["quote"] for sentence in first["sentences"] for citation in sentence["citations"]]
    assert any("three strands" in quote for quote in quotes)
    assert second["declined"]
    assert status == 0
    assert all(bar["passed"] for bar in report["bars"])
    assert "recall@5 of gold notes" in capsys.readouterr().out


def test_gold_notes_that_do_not_exist_stop_the_benchmark(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "tea.md").write_text("---\nid: tea\ntitle: Tea\n---\nGreen tea.\n")
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"_id": "a", "text": "?", "documents": ["gone"], "answer": "", "kind": "single"}))
    assert script.main(["--notes", str(tmp_path / "notes"), "--questions", str(questions)]) == 1
    assert "not in the index (gone)" in capsys.readouterr().err


def outcome(kind: str, found: str = "", declined: bool = False, citations: int = 0, held: int | None = None) -> Asked:
    """One question as it went, with one sentence for each citation; ``held`` of these hold."""
    documents = () if kind == "unanswerable" else ("note",)
    question = Question("q", "?", documents, "", kind)  # type: ignore[arg-type]  # a kind by name
    held = citations if held is None else held
    quality = CitationQuality(citations, citations, held, held, held, citations, None, (0, 0))
    return Asked(question, (found,), Answer("?", "", declined=declined), CitationCheck(citations), None, quality)


@pytest.mark.parametrize(
    ("asked", "missed"),
    [
        ([outcome("single", "note", citations=1), outcome("unanswerable", declined=True)], []),
        ([outcome("single", "other", citations=1), outcome("unanswerable", declined=True)], ["recall@5 of gold notes"]),
        (
            [outcome("single", "note"), outcome("unanswerable", declined=True)],
            ["citations re-opened to their quote", "citation precision"],
        ),
        ([outcome("single", "note", False, 20, 18), outcome("unanswerable", declined=True)], ["citation precision"]),
        ([outcome("single", "note", citations=1), outcome("unanswerable")], ["unanswerable questions declined"]),
        ([outcome("single", "note", citations=1)], ["unanswerable questions declined"]),
        (
            [outcome("single", "note", True, 1)] * 6 + [outcome("unanswerable", declined=True)],
            ["answerable questions declined"],
        ),
        ([outcome("single", "note", True, 1)] * 5 + [outcome("unanswerable", declined=True)], []),
    ],
    ids=[
        "all met",
        "note not found",
        "nothing cited",
        "two of twenty do not hold",
        "answered wrongly",
        "nothing to decline",
        "six declined",
        "five",
    ],
)
def test_each_bar_is_missed_by_what_it_is_about(script: ModuleType, asked: list[Asked], missed: list[str]) -> None:
    held = script.bars(asked)
    assert [bar.what for bar in held if not bar.passed] == missed
