"""``plait search``: what it finds and shows, and questions that nobody can ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]


def parsed(text: str) -> Any:
    return json.loads(text)


def test_search_finds_with_the_pipeline_the_index_was_written_with(plait: Run, index: Path) -> None:
    status, out, _ = plait("search", "strands", "--index", index, "--json")
    assert status == 0
    (hit,) = parsed(out)["hits"]
    assert (hit["document"], hit["text"]) == ("braids", "Three strands make one braid.")
    assert hit["strands"][0]["retriever"] == "lexical"


def test_explain_shows_rank_score_and_share(plait: Run, index: Path) -> None:
    _, out, _ = plait("search", "strands", "--index", index, "--explain")
    assert "lexical: rank 1, score" in out
    assert "(100%)" in out


@pytest.mark.parametrize(("query", "said"), [("", "the query is empty"), ("x" * 100_000, "100,000 characters")])
def test_an_impossible_query_is_refused(plait: Run, index: Path, query: str, said: str) -> None:
    status, _, err = plait("search", query, "--index", index)
    assert status == 1
    assert said in err


def test_a_query_that_is_no_unicode_is_refused(plait: Run, index: Path) -> None:
    status, _, err = plait("search", "\udcff alpha", "--index", index)
    assert status == 1
    assert "no Unicode character" in err
