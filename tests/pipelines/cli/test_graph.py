"""The graph commands: what they print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from plait.cli.graph import _told
from plait.docgraph.authors import Persons
from plait.docgraph.report import GraphReport, LeftOut

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def index(plait: Run, lexical: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, front in {
        "knots": "references: [braids, nowhere]\nauthors: [J. Doe]\ncategories: [topology]",
        "links": "references: [braids]\nauthors: [John Doe]\ncategories: [topology]",
        "braids": "year: 1947",
    }.items():
        (folder / f"{name}.md").write_text(f"---\nid: {name}\ntitle: On [{name}]\n{front}\n---\n\nText of {name}.\n")
    place = tmp_path / "papers.plait"
    assert plait("index", "add", folder, "--index", place, "--pipeline", lexical)[0] == 0
    return place


def test_stats_count_and_say_what_did_not_resolve(plait: Run, index: Path) -> None:
    status, out, _ = plait("graph", "stats", "--index", index)
    assert status == 0
    assert "3 documents, 1 author, 0 venues" in out
    assert "2 of 3 references name a document of this index" in out
    assert "1 author name was taken for a fuller form of it" in out
    assert "1 document with no edge" not in out
    told = json.loads(plait("graph", "stats", "--index", index, "--json")[1])
    assert told["relations"]["cites"]["edges"] == 2
    assert told["report"]["unresolved_examples"] == [["knots", "unknown identifier", "\tid=nowhere"]]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, ["1 of 1 reference names a document", "1 reference could", "1 reference names a", "1 reference was tied",
             "1 document cites itself", "1 citation is of a later document", "1 document is the same paper",
             "1 author name was taken", "1 author name could be", "1 group is too large"]),
        (2, ["2 of 2 references name a document", "2 references could", "2 references name a", "2 references were tied",
             "2 documents cite themselves", "2 citations are of later documents", "2 documents are the same paper",
             "2 author names were taken", "2 author names could be", "2 groups are too large"]),
    ],
)  # fmt: skip
def test_what_was_left_out_is_told_in_the_number_it_has(count: int, said: list[str]) -> None:
    some: dict[str, Any] = {f"name {number}": "another" for number in range(count)}
    persons = Persons(merged=some, ambiguous=some)
    names = ("references", "resolved", "dangling", "unresolved", "unsure", "self_citations", "future_citations")
    numbers: dict[str, Any] = dict.fromkeys(names, count)
    left_out = (LeftOut("co_venue", "A venue", 9),) * count
    lines = _told(GraphReport(**numbers, duplicates=some, persons=persons, left_out=left_out))
    assert [line.startswith(start) for line, start in zip(lines, said, strict=True)] == [True] * len(said), lines


def test_topics_come_from_the_key_that_is_named(plait: Run, index: Path) -> None:
    def edges(*options: str) -> int:
        out = plait("graph", "stats", "--index", index, "--json", *options)[1]
        return int(json.loads(out)["relations"]["co_topic"]["edges"])

    assert edges() == 0
    assert edges("--topics-from", "categories") == 1


def test_show_lists_the_neighbours_and_why(plait: Run, index: Path) -> None:
    status, out, _ = plait("graph", "show", "braids", "--index", index)
    assert status == 0
    assert "On [knots]" in out
    assert out.count("cites braids") == 2
    told = json.loads(plait("graph", "show", "knots", "--index", index, "--relation", "co_author", "--json")[1])
    assert [document["id"] for document in told["documents"]] == ["knots", "links"]
    assert told["ties"][0]["relation"] == "co_author"


@pytest.mark.parametrize("name", ["a.svg", "a.html"])
def test_show_draws(plait: Run, index: Path, tmp_path: Path, name: str) -> None:
    status, out, _ = plait("graph", "show", "knots", "--index", index, "--out", tmp_path / name)
    assert status == 0
    assert "2 neighbours" in out
    assert "On [links]" in (tmp_path / name).read_text()


def test_export_writes_files_that_can_be_read(plait: Run, index: Path, tmp_path: Path) -> None:
    out = tmp_path / "g.graphml"
    status, printed, _ = plait(
        "graph", "export", "--index", index, "--out", out, "--relation", "cites", "--entity", "author"
    )
    assert status == 0
    assert "3 documents, 2 edges" in printed
    assert len(nx.read_graphml(out)) == 4
    lines = tmp_path / "g.jsonl"
    told = json.loads(plait("graph", "export", "--index", index, "--out", lines, "--format", "jsonl", "--json")[1])
    assert told["edges"]["cites"] == 2
    assert len(lines.read_text().splitlines()) > 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "knot"), "'knots'"),
        (("show", "knots", "--relation", "likes"), "no relation 'likes'"),
        (("show", "knots", "--out", "a.gif"), "'.gif'"),
        (("show", "knots", "--out", "a.png"), "write .svg"),
        (("export", "--out", "nowhere/at/all.graphml"), "cannot be written"),
        (("export", "--out", "x", "--relation", "likes"), "'likes'"),
    ],
)
def test_a_wrong_wish_is_an_error_with_a_sentence(
    plait: Run, index: Path, arguments: tuple[str, ...], said: str
) -> None:
    status, _, err = plait("graph", *arguments, "--index", index)
    assert status == 1
    assert said in err
    assert "Traceback" not in err
