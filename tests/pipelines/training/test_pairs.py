from __future__ import annotations

from pathlib import Path

import pytest

from plait.contracts.errors import ReadError
from plait.training.pairs import Pair, read_pairs


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "line 1: no JSON"),
        ("[" * 100_000, "line 1: no JSON"),
        ('{"answer": "x"}', "line 1: no question"),
        ("[1]", "line 1: no question"),
        ('{"text": "Why?", "documents": "a"}', "line 1: 'documents' is no list of ids"),
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
