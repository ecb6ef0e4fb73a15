"""Judgements in BEIR's and TREC's columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from plait.contracts.errors import ReadError
from plait.evaluation import read_qrels


def written(folder: Path, text: str | bytes) -> Path:
    """A judgement file."""
    path = folder / "test.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n",
        "q1\td1\t1\nq1\td2\t0",
        "\ufeffquery-id\tcorpus-id\tscore\r\nq1\td1\t1.0\r\n\r\nq1\td2\t0.0\r\n",
        "q1 0 d1 1\nq1 0 d2 0\n",
        "q1\tQ0\td1\t1\nq1\tQ0\td2\t0\n",
    ],
    ids=["header", "no header", "marks and floats", "trec", "trec with tabs"],
)
def test_each_layout_gives_the_same_judgements(tmp_path: Path, text: str) -> None:
    assert read_qrels(written(tmp_path, text)) == {"q1": {"d1": 1, "d2": 0}}


def test_grades_and_ids_with_blanks_are_kept_between_tabs(tmp_path: Path) -> None:
    text = "query-id\tcorpus-id\tscore\nq 1\tmy paper\t3\nq 1\tother\t-1\n"
    assert read_qrels(written(tmp_path, text)) == {"q 1": {"my paper": 3, "other": -1}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1\td2", "this line is broken"),
        ("q1 d2 1", "this line is broken"),
        ("q1\t\t1", "this line is broken"),
        ("q1\td2\t1\t1\t1", "this line is broken"),
        ("q1\td2\tyes", "the grade 'yes' is not a whole number"),
        ("q1\td2\t0.5", "the grade '0.5' is not a whole number"),
        ("q1\td2\tnan", "the grade 'nan' is not a whole number"),
        ("q1\td2\tinf", "the grade 'inf' is not a whole number"),
        ("q1\td1\t2", "document 'd1' is judged 1 and 2"),
    ],
)
def test_a_broken_line_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, f"query-id\tcorpus-id\tscore\nq1\td1\t1\n{line}\n")
    with pytest.raises(ReadError, match=rf"test\.tsv:3: {message}"):
        read_qrels(path)


def test_a_pair_judged_twice_alike_counts_once(tmp_path: Path) -> None:
    assert read_qrels(written(tmp_path, "q1\td1\t1\nq1\td1\t1\n")) == {"q1": {"d1": 1}}


@pytest.mark.parametrize("text", ["", "\n\n", "query-id\tcorpus-id\tscore\n"])
def test_a_file_without_a_judgement_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ReadError, match="holds no judgement"):
        read_qrels(written(tmp_path, text))


def test_a_missing_or_wrongly_encoded_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"gone\.tsv: cannot be read"):
        read_qrels(tmp_path / "gone.tsv")
    with pytest.raises(ReadError, match="not UTF-8"):
        read_qrels(written(tmp_path, "q1\tdü\t1\n".encode("latin-1")))
