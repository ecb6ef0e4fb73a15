from __future__ import annotations

from pathlib import Path

import pytest

from plait.contracts.errors import ReadError
from plait.training.pairs import Pair, folds_of, read_pairs


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", ":1: this line is not JSON"),
        ("[" * 100_000, ":1: this line is not JSON"),
        ('{"answer": "x"}', ":1: no question"),
        ("[1]", ":1: this line is not a JSON object"),
        ('{"text": "Why?", "answer": 42}', ":1: the answer is no text but int"),
        ('{"text": "Why \\ud800?", "answer": "x"}', ":1: character 4 of the query is no Unicode"),
        ('{"text": "Why?", "answer": "x \\udfff"}', ":1: the answer or an id holds half a character"),
        ('{"text": "Why?", "answer": "x", "documents": [""]}', ":1: 'documents' is no list of ids"),
        ('{"text": "Why?"}', "no question has an answer"),
        ("", "no question has an answer"),
        ('{"text": "Why?", "documents": "a"}', ":1: 'documents' is no list of ids"),
    ],
)
def test_broken_pairs_are_named_by_line(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(text)
    with pytest.raises(ReadError, match=what):
        read_pairs(path)


def test_questions_without_an_answer_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"text": "Why?", "answer": ""}\n\n{"text": "How?", "answer": "So."}\n')
    assert read_pairs(path) == [Pair("How?", "So.")]


def test_pairs_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"text": "How?", "answer": "So."}\n', encoding="utf-8-sig")
    assert read_pairs(path) == [Pair("How?", "So.")]


def test_documents_that_hold_the_answer_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"question": "How?", "answer": "So.", "documents": ["a", "b"]}\n')
    assert read_pairs(path) == [Pair("How?", "So.", ("a", "b"))]


def test_only_line_feeds_end_lines_and_what_is_there_twice_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes('{"text": "How\u2028now?", "answer": "So.\u0085"}\r\n'.encode() * 2)
    assert read_pairs(path) == [Pair("How\u2028now?", "So.\u0085")]


def test_equal_questions_are_in_one_fold() -> None:
    pairs = [Pair(f"Question {n % 10}?" + " " * (n // 10), str(n)) for n in range(30)]
    folds = folds_of(pairs, 5, [3])
    assert all(folds[n] == folds[n % 10] for n in range(30))
    assert sorted(folds[:10].tolist()) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert folds_of(pairs, 5, [3]).tolist() == folds.tolist() != folds_of(pairs, 5, [4]).tolist()
