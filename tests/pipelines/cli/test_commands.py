"""The commands a person types: what they print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]


def parsed(text: str) -> Any:
    return json.loads(text)


def test_add_counts_what_it_did(plait: Run, corpus: Path, lexical: Path, tmp_path: Path) -> None:
    status, out, _ = plait("index", "add", corpus, "--index", tmp_path / "i", "--pipeline", lexical)
    assert status == 0
    assert out.startswith("commit 1: 2 added, 0 updated, 0 removed, 0 unchanged")


def test_add_ends_with_status_2_when_a_file_was_left_out(plait: Run, index: Path, corpus: Path) -> None:
    (corpus / "empty.txt").write_text("")
    status, out, _ = plait("index", "add", corpus, "--index", index, "--json")
    assert status == 2
    assert "empty.txt" in parsed(out)["failures"][0]
    assert parsed(out)["unchanged"] == 2


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


def test_versions_diff_rollback_and_check(plait: Run, index: Path, corpus: Path) -> None:
    (corpus / "graphs.md").write_text("---\nid: graphs\n---\n\nVertices.\n")
    plait("index", "add", corpus, "--index", index)
    plait("index", "remove", "braids", "--index", index)
    commits = parsed(plait("index", "versions", "--index", index, "--json")[1])
    assert [commit["number"] for commit in commits] == [3, 2, 1, 0]
    assert parsed(plait("index", "diff", 1, 3, "--index", index, "--json")[1]) == {
        "added": [],
        "removed": ["braids"],
        "changed": ["graphs"],
    }
    assert plait("index", "rollback", 1, "--index", index)[0] == 0
    assert parsed(plait("search", "strands", "--index", index, "--json")[1])["hits"]
    status, out, _ = plait("index", "check", "--index", index)
    assert status == 0
    assert "2 documents" in out
    assert "every check passed" in out


def test_check_names_a_damaged_table_and_fails(plait: Run, index: Path) -> None:
    damaged = next((index / "tables" / "passages.lance" / "data").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-40] + b"x" * 40)
    status, out, err = plait("index", "check", "--index", index)
    assert status == 1
    assert "passages" in out + err


def test_plugins_lists_components_by_kind(plait: Run) -> None:
    status, out, _ = plait("plugins", "retriever", "--json")
    assert status == 0
    assert {"dense", "lexical"} <= {one["name"] for one in parsed(out)["components"]}
    assert parsed(out)["problems"] == []


def test_plugins_suggests_the_nearest_kind(plait: Run) -> None:
    status, _, err = plait("plugins", "retriver")
    assert status == 1
    assert "did you mean 'retriever'" in err


def test_a_pipeline_is_shown_in_full_and_its_mistakes_are_named(plait: Run, lexical: Path, tmp_path: Path) -> None:
    status, out, _ = plait("pipeline", lexical)
    assert status == 0
    assert 'use = "lexical"' in out
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('retriver = [{ use = "lexical" }]\n')
    status, _, err = plait("pipeline", wrong)
    assert status == 1
    assert "retriver" in err
    assert "retrievers" in err
    assert "wrong.toml" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("search", "x", "--index", "nowhere"), "there is no index here"),
        (("ask", "x", "--index", "nowhere"), "plait index add"),
        (("index", "check", "--index", "nowhere"), "nowhere"),
    ],
)
def test_a_missing_index_is_an_error_with_a_way_out(plait: Run, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = plait(*arguments)
    assert status == 1
    assert said in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(("query", "said"), [("", "the query is empty"), ("x" * 100_000, "100,000 characters")])
def test_an_impossible_query_is_refused(plait: Run, index: Path, query: str, said: str) -> None:
    status, _, err = plait("search", query, "--index", index)
    assert status == 1
    assert said in err


def test_errors_are_json_where_json_was_asked_for(plait: Run, index: Path) -> None:
    status, out, err = plait("search", "", "--index", index, "--json")
    assert (status, out) == (1, "")
    assert parsed(err)["error"]["type"] == "QueryError"


def test_a_file_name_with_brackets_is_printed_as_it_is(plait: Run, corpus: Path, lexical: Path, tmp_path: Path) -> None:
    (corpus / "[bold]a.txt").write_text("")
    _, out, _ = plait("index", "add", corpus, "--index", tmp_path / "i", "--pipeline", lexical)
    assert "[bold]a.txt" in out


def test_ids_that_look_like_markup_are_printed_as_they_are(plait: Run, corpus: Path, index: Path) -> None:
    (corpus / "m.md").write_text('---\nid: "[/x]"\n---\n\nt\n')
    plait("index", "add", corpus, "--index", index)
    status, out, _ = plait("index", "diff", 1, 2, "--index", index)
    assert status == 0
    assert "[/x]" in out


def test_a_query_that_is_no_unicode_is_refused(plait: Run, index: Path) -> None:
    status, _, err = plait("search", "\udcff alpha", "--index", index)
    assert status == 1
    assert "no Unicode character" in err
