"""TREC runs, and how passages become documents."""

from __future__ import annotations

import math
from pathlib import Path

import ir_measures
import pytest

from plait.contracts import Hit
from plait.contracts.errors import PlaitError, ReadError
from plait.evaluation import documents_of, per_query, read_run, write_run


def hit(document: str, score: float, ordinal: int = 0) -> Hit:
    """A hit in a document."""
    return Hit(f"{document}#{ordinal}", document, score, 0)


def test_a_document_is_as_good_as_its_best_passage() -> None:
    hits = [hit("a", 0.9), hit("b", 0.8), hit("a", 0.7, 1), hit("b", 0.6, 1)]
    assert documents_of(hits) == [("a", 0.9), ("b", 0.8)]


def test_documents_are_ordered_by_score_and_ties_stay_as_they_came() -> None:
    hits = [hit("b", 0.5), hit("a", 0.5), hit("c", 0.9)]
    assert documents_of(hits) == [("c", 0.9), ("b", 0.5), ("a", 0.5)]


def test_negative_scores_are_scores() -> None:
    assert documents_of([hit("a", -2.0), hit("a", -3.0, 1)]) == [("a", -2.0)]


def test_an_excluded_document_leaves_the_order_of_the_others() -> None:
    assert documents_of([hit("q", 1.0), hit("a", 0.5)], exclude=["q"]) == [("a", 0.5)]


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_refused(score: float) -> None:
    with pytest.raises(PlaitError, match="'a#0' was returned with the score"):
        documents_of([hit("a", score)])


def test_a_run_is_written_in_six_columns_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "out.trec"
    run = {"q1": [("d2", 2.5), ("d1", -1.0)], "q2": [("d1", 0.125)]}
    write_run(path, run, "fused")
    assert path.read_text() == "q1 Q0 d2 1 2.5 fused\nq1 Q0 d1 2 -1.0 fused\nq2 Q0 d1 1 0.125 fused\n"
    assert read_run(path) == run
    assert [file.name for file in tmp_path.iterdir()] == ["out.trec"]


def test_a_written_run_with_ties_measures_the_same_in_tools_that_break_ties_by_id(tmp_path: Path) -> None:
    # One relevant document, tied with others that sort before and after it by id.
    qrels = {"q": {"m": 1}}
    path = tmp_path / "out.trec"
    # 1/61 and its neighbours 1e-12 below are one number in trec_eval's single precision.
    for order in ("zma", "amz", "mza", "zam"):
        run = {"q": [(document, 1 / 61 - place * 1e-12) for place, document in enumerate(order)]}
        wanted = per_query(qrels, run, ["nDCG@10", "MRR@10"])
        write_run(path, run, "tied")
        again = list(ir_measures.read_trec_run(str(path)))  # type: ignore[no-untyped-call]  # it publishes no types
        got = ir_measures.calc_aggregate([ir_measures.nDCG @ 10, ir_measures.RR @ 10], qrels, again)
        assert got[ir_measures.nDCG @ 10] == pytest.approx(wanted["nDCG@10"]["q"])
        assert got[ir_measures.RR @ 10] == pytest.approx(wanted["MRR@10"]["q"])
        assert [document for document, _ in read_run(path)["q"]] == list(order)


@pytest.mark.parametrize("identifier", ["my paper", "tab\tid", "", " a", "line\nbreak", "no\u00a0break"])
def test_ids_that_six_columns_cannot_hold_are_refused(tmp_path: Path, identifier: str) -> None:
    path = tmp_path / "out.trec"
    for run, tag in (({identifier: []}, "t"), ({"q": [(identifier, 1.0)]}, "t"), ({"q": []}, identifier)):
        with pytest.raises(PlaitError, match="a TREC run cannot hold the id"):
            write_run(path, run, tag)
    assert not path.exists()


def test_ids_with_percent_signs_and_other_marks_are_written_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "out.trec"
    write_run(path, {"q#1": [("10.1000/a%20b", 1.0), ("Ü|x", 0.5)]}, "t")
    assert read_run(path) == {"q#1": [("10.1000/a%20b", 1.0), ("Ü|x", 0.5)]}


def test_a_file_that_cannot_be_written_is_named_and_the_old_one_stays(tmp_path: Path) -> None:
    with pytest.raises(PlaitError, match=r"nowhere/out\.trec: cannot be written"):
        write_run(tmp_path / "nowhere" / "out.trec", {"q": [("d", 1.0)]}, "t")
    taken = tmp_path / "folder"
    taken.mkdir()
    with pytest.raises(PlaitError, match="cannot be written"):
        write_run(taken, {"q": [("d", 1.0)]}, "t")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q Q0 d 2 0.5", "this line is broken"),
        ("q Q0 d two 0.5 t", "this line is broken"),
        ("q Q0 d 2 high t", "this line is broken"),
        ("q Q0 d 2 nan t", "not a finite number"),
        ("q Q0 a 2 0.5 t", "document 'a' is here twice"),
    ],
)
def test_a_broken_line_of_a_run_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "in.trec"
    path.write_text(f"q Q0 a 1 1.0 t\n{line}\n")
    with pytest.raises(ReadError, match=rf"in\.trec:2: .*{message}"):
        read_run(path)


def test_a_run_is_ordered_by_score_not_by_line(tmp_path: Path) -> None:
    path = tmp_path / "in.trec"
    path.write_text("q Q0 a 3 0.5 t\nq Q0 b 1 1.0 t\nq Q0 c 2 0.5 t\n")
    assert read_run(path) == {"q": [("b", 1.0), ("c", 0.5), ("a", 0.5)]}


def test_an_empty_or_missing_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.trec").write_text("\n")
    with pytest.raises(ReadError, match="holds no ranking"):
        read_run(tmp_path / "in.trec")
    with pytest.raises(ReadError, match="cannot be read"):
        read_run(tmp_path / "gone.trec")
