"""``plait index``: what adding, going back and checking print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
