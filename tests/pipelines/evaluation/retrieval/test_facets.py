"""Queries that are papers, by metadata and by id, and figures of each facet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.evaluation import load_collection
from plait.evaluation.retrieval.collections import CollectionQuery
from plait.evaluation.retrieval.command import evaluate_collection
from plait.evaluation.retrieval.facets import facet_of, facets, own_documents, own_documents_of

LEXICAL = Pipeline(readers=[use("beir")], retrievers=[use("lexical")])
CORPUS = frozenset({"1587", "929877", "P10-2067", "1_b"})


@pytest.mark.parametrize(
    ("query", "metadata", "own", "facet"),
    [
        ("1587_method", {}, {"1587"}, "method"),
        ("1587-background", {}, {"1587"}, "background"),
        ("1587_related_work", {}, {"1587"}, "related_work"),
        ("1587", {}, {"1587"}, None),
        ("1587_2", {}, set(), None),
        ("777_method", {}, set(), None),
        ("P10-2067", {}, {"P10-2067"}, None),
        ("P10-2067-result", {}, {"P10-2067"}, "result"),
        ("1_b", {}, {"1_b"}, None),
        ("q1", {"document": "1587"}, {"1587"}, None),
        ("q1", {"paper_id": 1587, "facet": "result"}, {"1587"}, "result"),
        ("q1", {"document": ["1587", "929877", "gone"]}, {"1587", "929877"}, None),
        ("1587", {"document": "929877"}, {"929877"}, None),  # a number that happens to be another document's
        ("1587_method", {"facet": "result"}, {"1587"}, "result"),
        ("q1", {"facet": ""}, set(), None),
    ],
)
def test_what_a_query_is_follows_from_metadata_first_and_then_from_its_id(
    query: str, metadata: dict[str, object], own: set[str], facet: str | None
) -> None:
    entry = CollectionQuery(query, "?", metadata)
    assert own_documents_of(entry, CORPUS) == own
    assert facet_of(entry, CORPUS) == facet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two papers, each asked with by two facets; every paper has the words of its own queries."""
    place = tmp_path / "faceted"
    (place / "qrels").mkdir(parents=True)
    corpus = {
        "10": "Strands of rope are twisted and measured.",
        "20": "Cobalt oxide makes glass blue and is measured.",
        "31": "Twisted strands of wool.",
        "32": "Blue cobalt oxide paint.",
        "33": "Measured rope and measured glass.",
    }
    queries = {"10_method": "strands twisted", "10_result": "rope measured", "20_method": "cobalt oxide glass"}
    judged = {"10_method": "31", "10_result": "33", "20_method": "32"}
    lines = [json.dumps({"_id": name, "text": text}) + "\n" for name, text in corpus.items()]
    (place / "corpus.jsonl").write_text("".join(lines))
    lines = [json.dumps({"_id": name, "text": text}) + "\n" for name, text in queries.items()]
    (place / "queries.jsonl").write_text("".join(lines))
    for split, names in (("dev", ["10_method", "10_result"]), ("test", ["20_method"])):
        text = "".join(f"{name}\t{judged[name]}\t1\n" for name in names)
        (place / "qrels" / f"{split}.tsv").write_text(text)
    return place


def test_the_querys_own_paper_leaves_every_run(folder: Path) -> None:
    asked = {"split": ["dev", "test"], "pipeline": LEXICAL, "resamples": 50}
    kept = evaluate_collection(folder, **asked)  # type: ignore[arg-type]
    left_out = evaluate_collection(folder, exclude_self=True, **asked)  # type: ignore[arg-type]
    for query in ("10_method", "10_result", "20_method"):
        assert query.split("_")[0] in dict(kept.fused.run[query])
        for system in left_out.systems:
            assert query.split("_")[0] not in dict(system.run[query])
    assert left_out.fused.mean("MRR@10") > kept.fused.mean("MRR@10")
    assert any("3 queries are facets of papers in the corpus: --exclude-self" in note for note in kept.notes)
    assert any("3 of 3 queries are documents" in note for note in left_out.notes)


def test_each_facet_has_its_own_figures(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    asked = {"split": ["dev", "test"], "pipeline": LEXICAL, "resamples": 50, "exclude_self": True, "json_out": out}
    found = evaluate_collection(folder, **asked)  # type: ignore[arg-type]
    groups = {(group.kind, group.name): group for group in found.groups}
    assert {key: group.queries for key, group in groups.items()} == {
        ("split", "dev"): 2,
        ("split", "test"): 1,
        ("facet", "method"): 2,
        ("facet", "result"): 1,
    }
    values = found.fused.values["nDCG@10"]
    method = groups["facet", "method"].systems["fused"]["nDCG@10"]
    assert method.mean == pytest.approx((values["10_method"] + values["20_method"]) / 2)
    report = json.loads(out.read_text())
    rows = {(row["task"], row["arm"], row["measure"]): row["value"] for row in report["rows"]}
    assert rows["faceted, dev+test, facet method", "fused", "nDCG@10"] == method.mean
    assert rows["faceted, dev+test, split test", "lexical", "nDCG@10"] == values["20_method"]
    assert [group["name"] for group in report["groups"]] == ["dev", "test", "method", "result"]


def test_a_split_is_measured_by_its_own_judgements(folder: Path) -> None:
    """The query 10_method is in both splits, each of which knows another relevant document."""
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("10_method\t33\t1\n")
    found = evaluate_collection(
        folder, split=["dev", "test"], pipeline=LEXICAL, exclude_self=True, measures=["recall@1"], resamples=50
    )
    assert found.fused.run["10_method"][0][0] == "31"
    assert found.fused.values["recall@1"]["10_method"] == 1 / 2
    groups = {group.name: group.systems["fused"]["recall@1"].mean for group in found.groups if group.kind == "split"}
    assert groups == {"dev": 1.0, "test": 1 / 2}  # 10_method and 10_result; 20_method, but not 10_method


def test_facets_keep_the_order_of_the_collection(folder: Path) -> None:
    collection = load_collection(folder, ["dev", "test"])
    assert facets(collection) == {"method": ("10_method", "20_method"), "result": ("10_result",)}
    assert own_documents(collection)["10_result"] == {"10"}
