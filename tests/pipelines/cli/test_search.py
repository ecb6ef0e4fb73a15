"""``plait search`` and ``plait explain``: what they find and show, and questions that nobody can ask."""

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


def test_search_explained_shows_rank_score_and_share(plait: Run, index: Path) -> None:
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


def test_explain_shows_scores_ranks_and_edges(plait: Run, trained: Path) -> None:
    status, out, err = plait("explain", "packets in a network", "--index", trained, "--k", 4, "--edges", 2)
    assert (status, err) == (0, "")
    told = json.loads(plait("explain", "packets in a network", "--index", trained, "--k", 4, "--edges", 2, "--json")[1])
    assert len(told["hits"]) == 4
    for hit in told["hits"]:
        assert hit["title"] in out
        assert f"text {hit['text']:.4f}, structure {hit['structure']:.4f}, fused {hit['fused']:.4f}" in out
        assert len(hit["edges"]) <= 2
        for edge in hit["edges"]:
            led = {"cites": "cites", "cited_by": "is cited by"}[edge["relation"]]
            assert f"{led} {edge['document_id']}  {edge['title']}  (text {edge['text']:.4f}" in out
    assert "ranks: " in out
    assert "nothing is trained" not in out


def test_before_training_explain_says_how_to_train(plait: Run, community: Path) -> None:
    _, out, _ = plait("explain", "packets", "--index", community)
    assert "nothing is trained on this index yet: 'plait train docgraph'" in out


def test_shared_authors_are_named_and_odd_titles_printed_as_they_are(plait: Run, tmp_path: Path) -> None:
    folder, pipeline = tmp_path / "corpus", tmp_path / "graph.toml"
    folder.mkdir()
    for name in ("one", "two"):
        front = f'id: "{name} [/x]"\ntitle: "[bold]On {name}"\nauthors: [Ada Doe, Bo Roe]'
        (folder / f"{name}.md").write_text(f"---\n{front}\n---\n\nText of {name}.\n")
    (folder / "lone.md").write_text("---\nid: lone\n---\n\nText alone.\n")
    pipeline.write_text('retrievers = [{ use = "dense" }, { use = "lexical" }, { use = "docgraph" }]\n')
    assert plait("index", "add", folder, "--index", tmp_path / "i", "--pipeline", pipeline)[0] == 0
    status, out, _ = plait("explain", "text", "--index", tmp_path / "i")
    assert status == 0
    assert "author shared with x 2 two [/x]  [bold]On two" in out
    assert "(tied to no other document: its structure is its text)" in out


@pytest.mark.parametrize(("question", "said"), [("", "the query is empty"), ("strands", "add use('dense')")])
def test_what_cannot_be_explained_is_an_error_with_a_sentence(
    plait: Run, index: Path, question: str, said: str
) -> None:
    status, _, err = plait("explain", question, "--index", index)
    assert status == 1
    assert said in err
    assert "Traceback" not in err
