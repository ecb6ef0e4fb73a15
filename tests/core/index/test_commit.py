from __future__ import annotations

import json
from typing import Any

import pytest

from plait.contracts import Column
from plait.contracts.errors import IndexFormatError
from plait.index import Commit

COMMIT = Commit(
    3, 2, "2026-01-01T00:00:00.000+00:00", "add", {"documents": 4, "column.x": 2}, {"x": Column("x", "vector", 8)},
    {"dense": {"model": "m"}}, {"documents": 1, "passages": 2}, {}, {"pipeline": "…"},
)  # fmt: skip


def test_a_commit_comes_back_from_json() -> None:
    assert Commit.from_json(json.dumps(COMMIT.to_json()), "index.json") == COMMIT


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("number", "3"),
        ("number", -1),
        ("number", True),
        ("tables", {"../../etc/passwd": 1}),
        ("tables", {"documents": None}),
        ("tables", []),
        ("columns", {"x": {"kind": "vector"}}),
        ("counts", {}),
    ],
)
def test_a_damaged_commit_is_refused(key: str, value: Any) -> None:
    with pytest.raises(IndexFormatError, match="damaged"):
        Commit.from_json(json.dumps({**COMMIT.to_json(), key: value}), "index.json")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "1"}', '{"format": 0}', b"\xff\xfe"])
def test_what_is_no_commit_is_refused(text: str | bytes) -> None:
    with pytest.raises(IndexFormatError, match="not a Plait index"):
        Commit.from_json(text, "index.json")


def test_a_newer_format_says_upgrade() -> None:
    with pytest.raises(IndexFormatError, match=r"format 2.*up to 1.*pip install --upgrade plait"):
        Commit.from_json(json.dumps({**COMMIT.to_json(), "format": 2}), "index.json")
