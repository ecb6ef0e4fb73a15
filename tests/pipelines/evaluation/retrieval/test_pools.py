"""Pools from files and judgements, and rankings completed by what was not found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.contracts import Query
from plait.contracts.errors import ReadError
from plait.evaluation import load_collection
from plait.evaluation.retrieval.command import evaluate_collection
from plait.evaluation.retrieval.pools import PoolSource, completed, in_pools, load_pools, read_pools, restricted

LEXICAL = Pipeline(readers=[use("beir")], retrievers=[use("lexical")])
HYBRID = Pipeline(readers=[use("beir")], retrievers=[use("dense"), use("lexical")])
WALK = HYBRID.model_copy(update={"retrievers": (*HYBRID.retrievers, use("docgraph", relations=["cites", "cited_by"]))})
CORPUS = {
    "tea": "Green tea is steeped for two minutes.",
    "pot": "A pot of tea is kept warm under a cosy.",
    "rope": "A laid rope is made of three strands.",
    "glass": "Cobalt glass is deep blue.",
    "bees": "Honey bees sleep in cells of the comb.",
}
QUERIES = {"a": "How long is green tea steeped?", "b": "blue glass", "tea": "Green tea steeped"}
JUDGED = "a\tpot\t1\na\ttea\t2\na\trope\t0\nb\tglass\t1\nb\tbees\t0\ntea\tpot\t1\ntea\trope\t0\n"
POOLS = "query-id\tcorpus-id\na\ttea\na\trope\na\tbees\nb\tglass\nb\trope\ntea\ttea\ntea\tpot\ntea\tbees\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "small"
    (place / "qrels").mkdir(parents=True)
    (place / "pools").mkdir()
    cited = {"references": ["pot", "bees"]}
    records = [{"_id": name, "text": text, "metadata": cited if name == "tea" else {}} for name, text in CORPUS.items()]
    lines = [json.dumps(record) + "\n" for record in records]
    (place / "corpus.jsonl").write_text("".join(lines))
    lines = [json.dumps({"_id": name, "text": text}) + "\n" for name, text in QUERIES.items()]
    (place / "queries.jsonl").write_text("".join(lines))
    (place / "qrels" / "test.tsv").write_text(JUDGED)
    (place / "pools" / "test.tsv").write_text(POOLS)
    return place


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("file", {"a": {"tea", "rope", "bees"}, "b": {"glass", "rope"}, "tea": {"tea", "pot", "bees"}}),
        ("judged", {"a": {"tea", "pot", "rope"}, "b": {"glass", "bees"}, "tea": {"pot", "rope"}}),
    ],
)
@pytest.mark.parametrize("pipeline", [LEXICAL, HYBRID, WALK], ids=["lexical", "hybrid", "walk"])
def test_every_system_ranks_the_whole_pool_and_nothing_else(
    folder: Path, source: PoolSource, wanted: dict[str, set[str]], pipeline: Pipeline
) -> None:
    found = evaluate_collection(folder, pipeline=pipeline, pool=source, resamples=50)
    assert found.measures == ("nDCG%20", "nDCG-jk%20", "R-precision", "MAP")
    for system in found.systems:
        assert {query: {document for document, _ in ranking} for query, ranking in system.run.items()} == wanted
        assert all(len(dict(ranking)) == len(ranking) for ranking in system.run.values())
    assert found.fused.run["a"][0][0] == "tea"
    assert found.settings["pool"] == source


def test_what_no_leg_returned_goes_last_and_is_counted(folder: Path) -> None:
    found = evaluate_collection(folder, pipeline=LEXICAL, pool="file", resamples=50)
    # "blue glass" has no word of "rope"; of query a, bees and rope have none either ("is" and "of" are stop words).
    assert [document for document, _ in found.fused.run["b"]] == ["glass", "rope"]
    scores = [score for _, score in found.fused.run["b"]]
    assert scores[0] > scores[1]
    (note,) = [note for note in found.notes if "not found" in note]
    missing = int(note.split()[0])
    whole = evaluate_collection(folder, pipeline=LEXICAL, measures=["nDCG@10"], resamples=50)
    pools = load_pools(load_collection(folder), "file")
    assert missing == sum(len(set(pool) - set(dict(whole.fused.run[query]))) for query, pool in pools.items()) > 0


def test_ranking_in_a_pool_keeps_the_order_of_the_run_over_everything_for_one_leg(folder: Path) -> None:
    within = evaluate_collection(folder, pipeline=HYBRID, pool="judged", resamples=50)
    whole = evaluate_collection(folder, pipeline=HYBRID, measures=["nDCG@10"], resamples=50)
    for query, pool in load_pools(load_collection(folder), "judged").items():
        order = [document for document, _ in whole.legs["dense"].run[query] if document in pool]
        assert [document for document, _ in within.legs["dense"].run[query]] == order


def test_judgements_outside_the_pool_do_not_count(folder: Path) -> None:
    """Query a: pot is relevant and no candidate, so the best order of its pool has tea alone."""
    found = evaluate_collection(folder, pipeline=LEXICAL, pool="file", resamples=50)
    assert found.fused.values["nDCG%20"]["a"] == 1.0
    assert found.fused.values["MAP"]["a"] == 1.0
    assert any("3 judgements are of documents outside" in note for note in found.notes)
    qrels = {"q": {"x": 1, "y": 2}}
    assert in_pools(qrels, {"q": ("y", "z")}) == {"q": {"y": 2}}


def test_the_paper_that_is_the_query_is_no_candidate(folder: Path) -> None:
    found = evaluate_collection(folder, pipeline=LEXICAL, pool="file", exclude_self=True, resamples=50)
    assert {document for document, _ in found.fused.run["tea"]} == {"pot", "bees"}
    assert any("own pool of 2 to 3 documents, 7 in all" in note for note in found.notes)


def test_candidates_that_are_not_found_stand_in_an_order_without_meaning(folder: Path) -> None:
    """Not as listed: judged documents are often listed with the relevant ones first."""
    pools = load_pools(load_collection(folder), "judged")
    assert pools == load_pools(load_collection(folder), "judged")
    lines = JUDGED.splitlines(keepends=True)
    (folder / "qrels" / "test.tsv").write_text("".join(reversed(lines)))
    assert load_pools(load_collection(folder), "judged") == pools


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (POOLS + "a\tnobody\n", "1 documents of the pools are not in the corpus: nobody"),
        (POOLS.replace("b\tglass\nb\trope\n", ""), "1 judged queries have no candidate in their pool: b"),
        ("query-id\tcorpus-id\n", "this file holds no pool"),
        ("", "this file holds no pool"),
        ("a\ttea\t1\n", r"test\.tsv:1.*this line is broken"),
        ("a\n", r"test\.tsv:1.*this line is broken"),
    ],
    ids=["unknown document", "no pool", "header only", "empty", "three columns", "one column"],
)
def test_broken_pools_are_refused_before_the_work(folder: Path, tmp_path: Path, text: str, told: str) -> None:
    (folder / "pools" / "test.tsv").write_text(text)
    with pytest.raises(ReadError, match=told):
        evaluate_collection(folder, pipeline=LEXICAL, pool="file", index=tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_a_missing_file_lists_those_that_exist(folder: Path) -> None:
    (folder / "pools" / "test.tsv").rename(folder / "pools" / "dev.tsv")
    with pytest.raises(ReadError, match=r"no file of pools for the split 'test'.*Choices: dev.*--pool judged"):
        load_pools(load_collection(folder), "file")
    (folder / "qrels" / "test.tsv").write_text("a\tgone\t1\n")
    with pytest.raises(ReadError, match=r"1 judged queries have no candidate.*judge a document of the corpus"):
        load_pools(load_collection(folder), "judged")


def test_files_are_read_with_tabs_or_blanks_under_a_header_or_not(tmp_path: Path) -> None:
    for text in ("q\ta\nq\tb\n", "query-id\tcorpus-id\nq\ta\nq\tb\n", "q a\nq  b\n"):
        (tmp_path / "p.tsv").write_text(text)
        assert read_pools(tmp_path / "p.tsv") == {"q": ["a", "b"]}


def test_pools_that_are_there_and_not_asked_for_are_noted(folder: Path) -> None:
    told = "the collection has pools for these queries: --pool file"
    assert any(told in note for note in evaluate_collection(folder, pipeline=LEXICAL, resamples=50).notes)
    within = evaluate_collection(folder, pipeline=LEXICAL, pool="judged", resamples=50)
    assert not any(told in note for note in within.notes)


def test_a_query_keeps_its_own_filters() -> None:
    asked = restricted(Query("?", filters={"year": 2020}), ("a", "b"))
    assert asked.filters == {"year": 2020, "id": ["a", "b"]}
    assert restricted(Query("?"), None).filters == {}


def test_an_empty_ranking_is_completed_too() -> None:
    found, missing = completed([], ["b", "a"])
    assert [document for document, _ in found] == ["b", "a"]
    assert missing == 2
