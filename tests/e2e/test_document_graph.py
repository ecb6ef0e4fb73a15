"""From files to a trained graph by the command line, with every kind of citation that real collections go wrong in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.cli import main

pytestmark = pytest.mark.slow

Plait = Callable[..., tuple[int, str, str]]
ODD = [
    'a "quoted" one',
    "it's, with commas",
    "#42",
    "ünï/cødé 🧵",
    "<b>&amp;",
    "C:\\dir",
    "100%",
    "[/x]",
    "a\u200bb",
    "-x",
]
PIPELINE = """
retrievers = [
    { use = "dense" },
    { use = "lexical" },
    { use = "docgraph", relations = ["cites", "cited_by", "co_author", "co_venue"], encoder = "propagation" },
]
fusion = { use = "gated" }
"""


@pytest.fixture
def plait(capsys: pytest.CaptureFixture[str]) -> Plait:
    """Runs a command line and returns (exit status, standard output, standard error)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    path = tmp_path / "graph.toml"
    path.write_text(PIPELINE)
    return path


@pytest.fixture
def trainable(tmp_path: Path) -> Path:
    path = tmp_path / "trainable.toml"
    path.write_text(PIPELINE.replace(', encoder = "propagation"', ""))
    return path


def collection(folder: Path, records: Iterable[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / "corpus.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def record(name: str, *cites: Any, text: str = "", **metadata: Any) -> dict[str, Any]:
    metadata["references"] = list(cites)
    return {
        "_id": name,
        "title": f"A paper on {name}",
        "text": text or f"What is known of {name}.",
        "metadata": metadata,
    }


def stats(plait: Plait, index: Path) -> dict[str, Any]:
    status, out, err = plait("graph", "stats", "--index", index, "--json")
    assert (status, err) == (0, "")
    told: dict[str, Any] = json.loads(out)
    return told


def test_citations_that_are_wrong_are_counted_and_do_no_harm(plait: Plait, pipeline: Path, tmp_path: Path) -> None:
    corpus = collection(
        tmp_path / "corpus",
        [
            record("self", "self", "old", year=2000),
            record("circle1", "circle2", year=2001),
            record("circle2", "circle3", year=2001),
            record("circle3", "circle1", "circle2", year=2001),
            record("twice", "old", "old", {"id": "old", "title": "A paper on old", "year": 1990}, year=2002),
            record("lost", "nowhere", {"doi": "10.1000/none"}, {"text": "Nobody. Nothing. 1900."}, year=2003),
            record("old", "new", year=1990),
            record("new", year=2020),
        ],
    )
    index = tmp_path / "index"
    status, _, err = plait("index", "add", corpus, "--index", index, "--pipeline", pipeline)
    assert (status, err) == (0, "")
    told = stats(plait, index)
    report = told["report"]
    assert told["relations"]["cites"]["edges"] == 7
    assert (report["self_citations"], report["future_citations"], report["mutual"]) == (1, 1, 1)
    assert report["references"] - report["resolved"] == report["unresolved"] + report["dangling"] == 3
    shown = plait("graph", "stats", "--index", index)[1]
    assert "1 document cites itself (left out)" in shown
    assert "1 citation is of a later document" in shown
    assert "3 references could not be tied to a document" in shown
    assert plait("index", "check", "--index", index)[0] == 0
    hits = json.loads(plait("explain", "what is known of circles", "--index", index, "--json")[1])["hits"]
    assert all(np.isfinite([hit["score"], hit["text"], hit["structure"], hit["fused"]]).all() for hit in hits)


def test_without_any_edge_everything_works_but_training_which_says_why(
    plait: Plait, trainable: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    corpus = collection(tmp_path / "corpus", [record(f"p{n}", "nowhere") for n in range(30)])
    assert plait("index", "add", corpus, "--index", index, "--pipeline", trainable)[0] == 0
    told = stats(plait, index)
    assert told["relations"]["cites"]["edges"] == 0
    assert told["report"]["resolved"] == 0
    status, out, _ = plait("search", "p7", "--index", index, "--json")
    assert status == 0
    assert json.loads(out)["hits"]
    status, _, err = plait("train", "docgraph", "--index", index)
    assert status == 1
    assert "the index has 0 links of the relation 'cites'" in err
    assert "plait graph stats" in err


def test_a_venue_of_thousands_and_lists_of_three_thousand_names_stay_bounded(plait: Plait, tmp_path: Path) -> None:
    """Its 2,000 documents would tie four million pairs; 3,000 authors on two papers tie exactly those two."""
    letters = "abcdefghijklmno"
    crowd = [f"Ada {x.upper()}{y}{z}son" for x in letters for y in letters for z in letters][:3_000]
    records = [
        record(f"v{n}", *([f"v{n - 1}"] if n else []), venue="Proc. of Everything", year=2000) for n in range(2_000)
    ]
    records += [
        record("crowd1", authors=crowd),
        record("crowd2", authors=crowd[::-1]),
        record("crowd3", authors=crowd[:1]),
    ]
    lexical = tmp_path / "lexical.toml"
    lexical.write_text('retrievers = [{ use = "lexical" }]\n')
    index = tmp_path / "index"
    start = time.process_time()
    corpus = collection(tmp_path / "corpus", records)
    assert plait("index", "add", corpus, "--index", index, "--pipeline", lexical)[0] == 0
    told = stats(plait, index)
    assert time.process_time() - start < 60
    relations = told["relations"]
    assert relations["co_venue"]["edges"] == 0
    assert relations["co_author"]["edges"] == 3
    assert relations["cites"]["edges"] == 1_999
    assert all(relation["edges"] < 10_000 for relation in relations.values())
    (group, *_) = told["report"]["groups_left_out"]["largest"]
    assert (group["documents"], group["relation"]) == (2_000, "co_venue")
    assert told["entities"]["author"] == 3_000
    said = plait("graph", "stats", "--index", index)[1]
    assert "too large to tie documents together" in said


def test_one_document_cited_by_all_does_not_tie_all_of_them(plait: Plait, pipeline: Path, tmp_path: Path) -> None:
    records = [record("hub"), *(record(f"p{n}", "hub", f"p{(n + 1) % 40}") for n in range(40))]
    index = tmp_path / "index"
    corpus = collection(tmp_path / "corpus", records)
    assert plait("index", "add", corpus, "--index", index, "--pipeline", pipeline)[0] == 0
    assert stats(plait, index)["relations"]["bibliographic_coupling"]["edges"] == 40 * 39 // 2
    show = json.loads(plait("graph", "show", "hub", "--index", index, "--limit", 5, "--json")[1])
    assert len(show["documents"]) == 6


def test_ids_with_odd_characters_go_all_the_way(plait: Plait, pipeline: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    corpus = collection(tmp_path / "corpus", [record(name, *ODD[:place]) for place, name in enumerate(ODD)])
    assert plait("index", "add", corpus, "--index", index, "--pipeline", pipeline)[0] == 0
    assert stats(plait, index)["relations"]["cites"]["edges"] == len(ODD) * (len(ODD) - 1) // 2
    for name in ODD:
        status, out, _ = plait("graph", "show", "--index", index, "--limit", 50, "--json", "--", name)
        assert status == 0
        assert {document["id"] for document in json.loads(out)["documents"]} == set(ODD)
        status, out, _ = plait("graph", "show", "--index", index, "--", name)
        assert status == 0
    told = json.loads(plait("explain", "what is known", "--index", index, "--k", 10, "--edges", 20, "--json")[1])
    assert {hit["document"] for hit in told["hits"]} == set(ODD)
    assert {edge["document_id"] for hit in told["hits"] for edge in hit["edges"]} == set(ODD)
    assert plait("explain", "what is known", "--index", index)[0] == 0
    status, out, _ = plait("index", "remove", "--index", index, "--json", "--", *ODD[:2])
    assert status == 0
    assert sorted(json.loads(out)["removed"]) == sorted(ODD[:2])
    assert stats(plait, index)["report"]["dangling"] + stats(plait, index)["report"]["unresolved"] == 2 * (len(ODD) - 2)
    assert plait("index", "check", "--index", index)[0] == 0


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ("cited", "references is {'a': 1}, not a list of ids"),
        ("year", "year is 'soon', not a number such as 2024"),
        ("empty", "the reference '' is neither an id nor a mapping"),
        ("nested", "the reference ['p1'] is neither an id nor a mapping"),
    ],
)
def test_references_in_no_known_form_are_refused_by_line_and_the_others_go_in(
    plait: Plait, pipeline: Path, tmp_path: Path, references: str, said: str
) -> None:
    broken: dict[str, Any] = {
        "cited": {"a": 1},
        "year": [{"title": "T", "year": "soon"}],
        "empty": [""],
        "nested": [["p1"]],
    }
    wrong = {"_id": "wrong", "title": "Wrong", "text": "Text.", "metadata": {"references": broken[references]}}
    corpus = collection(tmp_path / "corpus", [record("good"), wrong, record("better", "good")])
    status, out, _ = plait("index", "add", corpus, "--index", tmp_path / "i", "--pipeline", pipeline, "--json")
    told = json.loads(out)
    assert (status, told["added"]) == (2, ["good", "better"])
    assert said in told["failures"][0]
    assert "corpus.jsonl:2" in told["failures"][0]
    assert stats(plait, tmp_path / "i")["relations"]["cites"]["edges"] == 1


def test_a_collection_with_every_fault_at_once_is_trained_on(plait: Plait, trainable: Path, tmp_path: Path) -> None:
    """Thirty communities of four papers; besides self citations, cycles, repeats, dangling ones and odd ids."""
    names = [f"{ODD[n % len(ODD)]} no {n}" for n in range(120)]
    topics = ("yeast bread oven", "moon comet orbit", "pawn queen chess", "wool loom thread", "reef coral whale")
    chance = np.random.default_rng(2)
    records = []
    for number, name in enumerate(names):
        group = [names[other] for other in range(number - number % 4, number - number % 4 + 4)]
        cites: list[Any] = [*group, group[0], "nowhere", {"text": "Nobody. Nothing at all. 1901."}]
        words = " ".join(chance.permutation(topics[chance.integers(len(topics))].split()))
        authors = [f"A. Writer{number // 8}", "B. Everywhere"]
        records.append(
            record(name, *cites, text=f"About {words}.", authors=authors, venue="V", year=1990 + number % 30)
        )
    index = tmp_path / "index"
    corpus = collection(tmp_path / "corpus", records)
    assert plait("index", "add", corpus, "--index", index, "--pipeline", trainable)[0] == 0
    report = stats(plait, index)["report"]
    assert report["self_citations"] == 120
    assert report["mutual"] == 120 * 3 // 2
    status, out, err = plait("train", "docgraph", "--index", index, "--json")
    assert status in (0, 3), err
    encoder = json.loads(out)["encoder"]
    assert encoder["links"] + encoder["held_out"] == 180, "a pair that cites each other is one link"
    assert encoder["kept"] == (status == 0) or json.loads(out)["walk"]["kept"]
    assert plait("index", "check", "--index", index)[0] == 0
    assert json.loads(plait("search", "yeast in an oven", "--index", index, "--json")[1])["hits"]
