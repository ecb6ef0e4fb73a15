"""``plait evaluate`` as a person types it, with and without ``--answers``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    strands = {"_id": "a", "text": "How many strands make one braid?", "documents": ["braids"], "kind": "single"}
    wall = {"_id": "b", "text": "Which year did the Berlin Wall fall?", "documents": [], "kind": "unanswerable"}
    path.write_text(json.dumps(strands | {"answer": "three"}) + "\n" + json.dumps(wall | {"answer": ""}) + "\n")
    return path


def test_answers_are_judged_on_an_index_that_is_there(plait: Run, questions: Path, index: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    status, shown, _ = plait("evaluate", questions, "--answers", "--index", index, "--json", out)
    assert status == 0
    assert "citation precision" in shown
    assert "refusal accuracy" in shown
    (system,) = json.loads(out.read_text())["systems"]
    assert system["measures"]["refusal accuracy"]["figure"] == 1.0
    assert system["answers"][0]["answer"] == "Three strands make one braid."


def test_documents_may_be_named_and_a_second_pipeline_compared(
    plait: Run, questions: Path, corpus: Path, lexical: Path, tmp_path: Path
) -> None:
    other = tmp_path / "brief.toml"
    other.write_text(lexical.read_text() + 'generator = { use = "extractive", max_sentences = 1 }\n')
    options = ["--documents", corpus, "--pipeline", lexical, "--against", other, "--evidence", "given", "--limit", 1]
    out = tmp_path / "out.json"
    assert plait("evaluate", questions, "--answers", *options, "--json", out)[0] == 0
    report = json.loads(out.read_text())
    assert [system["label"] for system in report["systems"]] == ["extractive (lexical)", "extractive (brief)"]
    assert report["settings"]["evidence"] == "given"
    assert report["collection"]["asked"] == 1


@pytest.mark.parametrize("option", [["--calibrate", "train"], ["--run", "out.trec"], ["--exclude-self"]])
def test_options_of_retrieval_do_not_go_with_answers(plait: Run, questions: Path, option: list[str]) -> None:
    status, _, told = plait("evaluate", questions, "--answers", *option)
    assert status == 2
    assert "does not go with --answers" in told


@pytest.mark.parametrize(
    "option", [["--evidence", "given"], ["--against", "x"], ["--documents", "x"], ["--limit", "3"]]
)
def test_options_of_answers_need_answers(plait: Run, corpus: Path, option: list[str]) -> None:
    status, _, told = plait("evaluate", corpus, *option)
    assert status == 2
    assert "needs --answers" in told


def test_a_file_of_questions_without_documents_is_an_error_with_its_fix(plait: Run, questions: Path) -> None:
    status, _, told = plait("evaluate", questions, "--answers")
    assert status != 0
    assert "--documents" in told
    assert "Traceback" not in told


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": "rope", "text": "A rope has strands."}, {"_id": "glass", "text": "Cobalt glass is blue."}]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "strands of a rope"}) + "\n")
    (folder / "qrels" / "dev.tsv").write_text("q\trope\t1\n")
    return folder


def test_several_collections_make_one_table(plait: Run, collection: Path, lexical: Path, tmp_path: Path) -> None:
    other, base = tmp_path / "other", tmp_path / "base.toml"
    shutil.copytree(collection, other)
    base.write_text(lexical.read_text() + 'fusion = { use = "weighted" }\n')
    out = tmp_path / "out.json"
    asked = [collection, other, "--pipeline", lexical, "--baseline", base, "--json", out]
    status, shown, _ = plait("evaluate", *asked)
    assert status == 0
    assert "small, dev" in shown
    assert "worst loss" in shown
    assert "- base" in shown
    assert len(json.loads(out.read_text())["collections"]) == 2


def test_one_collection_is_told_by_itself(plait: Run, collection: Path, lexical: Path) -> None:
    status, shown, _ = plait("evaluate", collection, "--pipeline", lexical)
    assert status == 0
    assert "small, split dev: 1 queries" in shown
    assert "worst loss" not in shown


def test_options_for_one_collection_are_refused_for_several(plait: Run, collection: Path, questions: Path) -> None:
    status, _, told = plait("evaluate", collection, collection, "--run", "out.trec")
    assert (status, "one run is of one collection" in told) == (2, True)
    status, _, told = plait("evaluate", questions, collection, "--answers")
    assert (status, "does not go with --answers" in told) == (2, True)


def test_pools_splits_and_measures_are_asked_for_by_option(
    plait: Run, collection: Path, lexical: Path, tmp_path: Path
) -> None:
    (collection / "qrels" / "test.tsv").write_text("q\tglass\t0\nq\trope\t1\n")
    (collection / "pools").mkdir()
    for split in ("dev", "test"):
        (collection / "pools" / f"{split}.tsv").write_text("q\trope\nq\tglass\n")
    out = tmp_path / "out.json"
    asked = ["--pipeline", lexical, "--split", "dev,test", "--pool", "file", "--json", out]
    status, shown, told = plait("evaluate", collection, *asked)
    assert status == 0, told
    assert "nDCG%20" in shown
    assert "By split" in shown
    assert json.loads(out.read_text())["settings"]["pool"] == "file"
    asked = ["--pipeline", lexical, "--split", "dev", "--split", "test", "--measure", "bpref", "--measure", "judged@10"]
    status, shown, told = plait("evaluate", collection, *asked, "--unjudged", "dropped", "--json", out)
    assert status == 0, told
    assert json.loads(out.read_text())["measures"] == ["bpref", "judged@10"]


def test_a_measure_of_pools_needs_pools(plait: Run, collection: Path, lexical: Path) -> None:
    status, _, told = plait("evaluate", collection, "--pipeline", lexical, "--measure", "nDCG%20")
    assert status != 0
    assert "--pool" in told
    assert "Traceback" not in told
