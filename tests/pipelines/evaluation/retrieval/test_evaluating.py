"""Legs and fused list measured on one set of queries, in memory."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from plait.contracts import Hit, Query
from plait.contracts.errors import ConfigError, MissingDependencyError, QueryError
from plait.evaluation import Collection, CollectionQuery, evaluate, render, to_json


@dataclass
class Found:
    """What one query brought up."""

    runs: Mapping[str, Sequence[Hit]]
    fused: Sequence[Hit]
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    earned: Mapping[str, float] = field(default_factory=dict)


def hits(*documents: str) -> list[Hit]:
    """Hits with falling scores, one passage a document."""
    return [Hit(f"{document}#0", document, 1.0 / rank, 0) for rank, document in enumerate(documents, start=1)]


def collection(qrels: Mapping[str, Mapping[str, int]], texts: Mapping[str, str] | None = None) -> Collection:
    """A collection in memory whose query texts are their ids."""
    queries = {query: CollectionQuery(query, (texts or {}).get(query, query)) for query in qrels}
    documents = frozenset(document for grades in qrels.values() for document in grades) - {"absent"}
    absent = tuple({document for grades in qrels.values() for document in grades} & {"absent"})
    return Collection("tiny", Path("some/tiny"), "test", queries, qrels, documents, absent)


MANY = {f"q{number}": {f"d{number}": 1} for number in range(40)}


def good_and_bad(query: Query) -> Found:
    """``good`` finds the document at once, ``bad`` at rank 3, the fused list at rank 2."""
    wanted = query.text.replace("q", "d")
    return Found(
        {"bad": hits("x", "y", wanted), "good": hits(wanted, "x", "y")},
        hits("x", wanted, "y"),
        {"bad": 0.002, "good": 0.004, "fusion": 0.001, "ranker": 0.002},
    )


def test_legs_and_fused_list_get_means_intervals_and_comparisons_with_the_best_leg() -> None:
    evaluation = evaluate(collection(MANY), good_and_bad, resamples=500)
    assert [system.label for system in evaluation.systems] == ["bad", "good", "fused"]
    assert evaluation.legs["good"].mean("MRR@10") == 1.0
    assert evaluation.legs["bad"].mean("MRR@10") == pytest.approx(1 / 3)
    assert evaluation.fused.mean("MRR@10") == pytest.approx(1 / 2)
    assert evaluation.fused.mean("recall@100") == 1.0
    assert "MRR@10" not in evaluation.legs["good"].against
    compared = evaluation.fused.against["MRR@10"]
    assert compared.baseline == "good"
    assert compared.difference == pytest.approx(-1 / 2)
    assert compared.p_randomisation == pytest.approx(1 / 501)
    assert compared.p_bootstrap == pytest.approx(1 / 501)
    assert evaluation.queries == 40


def test_a_fused_list_equal_to_the_best_leg_does_not_differ_from_it() -> None:
    def retrieve(query: Query) -> Found:
        found = good_and_bad(query)
        return Found(found.runs, found.runs["good"])

    compared = evaluate(collection(MANY), retrieve, resamples=200).fused.against["nDCG@10"]
    assert (compared.difference, compared.p_randomisation, compared.p_bootstrap) == (0.0, 1.0, 1.0)


def test_cpu_time_is_the_mean_per_query_and_the_fused_list_pays_for_what_comes_on_top() -> None:
    evaluation = evaluate(collection(MANY), good_and_bad, resamples=50)
    assert evaluation.legs["bad"].search_ms == pytest.approx(2.0)
    assert evaluation.legs["good"].search_ms == pytest.approx(4.0)
    assert evaluation.fused.search_ms == pytest.approx(3.0)
    assert evaluation.legs["good"].encode_ms is None


def test_every_query_is_asked_once_after_one_warm_up() -> None:
    asked: list[str] = []

    def retrieve(query: Query) -> Found:
        asked.append(query.text)
        return good_and_bad(query)

    evaluate(collection(MANY), retrieve, resamples=50)
    assert asked == ["q39", *MANY]


def test_the_document_that_is_the_query_leaves_every_run() -> None:
    qrels = {"p1": {"p2": 1}}
    found = Found({"leg": hits("p1", "p2")}, hits("p1", "p2"))
    kept = evaluate(collection(qrels), lambda _: found, resamples=50)
    left_out = evaluate(collection(qrels), lambda _: found, resamples=50, exclude_self=True)
    for system, other in zip(kept.systems, left_out.systems, strict=True):
        assert system.mean("MRR@10") == pytest.approx(1 / 2)
        assert other.mean("MRR@10") == 1.0
        assert [document for document, _ in other.run["p1"]] == ["p2"]
    assert left_out.settings["exclude_self"] is True


def test_queries_that_cannot_be_asked_count_zero_and_are_named() -> None:
    qrels = {"q1": {"d1": 1}, "blank": {"d1": 1}, "q3": {"d3": 1}, "q4": {"d4": 1}}

    def retrieve(query: Query) -> Found:
        if query.text == "q3":
            raise QueryError("no retriever here takes this")
        return good_and_bad(query)

    evaluation = evaluate(collection(qrels, {"blank": "  "}), retrieve, resamples=50)
    assert set(evaluation.refused) == {"blank", "q3"}
    assert evaluation.legs["good"].values["MRR@10"] == {"q1": 1.0, "blank": 0.0, "q3": 0.0, "q4": 1.0}
    assert evaluation.legs["good"].mean("MRR@10") == pytest.approx(1 / 2)
    assert evaluation.legs["good"].search_ms == pytest.approx(4.0)
    assert any("2 queries could not be asked" in note for note in evaluation.notes)


def test_a_query_that_one_leg_returns_nothing_for_counts_zero_there_only() -> None:
    def retrieve(query: Query) -> Found:
        found = good_and_bad(query)
        return found if query.text != "q0" else Found({"good": found.runs["good"]}, found.fused)

    evaluation = evaluate(collection(MANY), retrieve, resamples=50)
    assert evaluation.legs["bad"].values["MRR@10"]["q0"] == 0.0
    assert len(evaluation.legs["bad"].values["MRR@10"]) == 40


def test_what_a_reader_should_know_is_noted() -> None:
    qrels = {"q1": {"d1": 1, "absent": 1}, "q2": {"d2": 0}}
    evaluation = evaluate(collection(qrels), good_and_bad, resamples=50, notes=["from outside"])
    assert any("1 judged documents are not in the corpus (absent)" in note for note in evaluation.notes)
    assert any("1 judged queries have no relevant document" in note for note in evaluation.notes)
    assert evaluation.notes[-1] == "from outside"
    assert evaluation.legs["good"].values["recall@100"]["q1"] == pytest.approx(1 / 2)


def test_when_no_query_can_be_asked_there_is_nothing_to_measure() -> None:
    with pytest.raises(ConfigError, match=r"no query could be asked.*query is empty"):
        evaluate(collection({"q1": {"d1": 1}}, {"q1": " "}), good_and_bad)


def test_an_unknown_measure_is_refused_before_any_query_is_asked() -> None:
    def retrieve(query: Query) -> Found:
        raise AssertionError("asked")

    with pytest.raises(ConfigError, match="there is no measure 'accuracy'"):
        evaluate(collection(MANY), retrieve, measures=["accuracy"])


def test_a_missing_package_is_missed_before_any_query_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def retrieve(query: Query) -> Found:
        raise AssertionError("asked")

    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingDependencyError, match="scipy"):
        evaluate(collection(MANY), retrieve)


def test_progress_counts_queries() -> None:
    told: list[tuple[str, int, int | None]] = []
    evaluate(
        collection({"q1": {"d1": 1}, "q2": {"d2": 1}}), good_and_bad, resamples=50, progress=lambda *t: told.append(t)
    )
    assert told == [("queries", 0, 2), ("queries", 1, 2)]


class Busy:
    """An embedder that burns a known amount of CPU time on every query."""

    dimension = 2

    def fingerprint(self) -> Mapping[str, str]:
        return {"model": "busy"}

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(np.array([1, 0], dtype=np.float32), (len(texts), 1))

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        start = time.process_time()
        while time.process_time() - start < 0.003:
            pass
        return self.embed_passages(texts)


class Keeping(Busy):
    """One that keeps what it has encoded."""

    def __init__(self) -> None:
        self.kept: dict[str, NDArray[np.float32]] = {}

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if texts[0] not in self.kept:
            self.kept[texts[0]] = super().embed_queries(texts)
        return self.kept[texts[0]]


class Leg:
    """A retriever with an embedder."""

    def __init__(self, embedder: object) -> None:
        self.embedder = embedder


@pytest.mark.parametrize("embedder", [Busy(), Keeping()], ids=["forgets", "keeps"])
def test_encoding_is_told_from_search_where_a_leg_has_an_embedder(embedder: Busy) -> None:
    def retrieve(query: Query) -> Found:
        start = time.process_time()
        embedder.embed_queries([query.text])
        spent = time.process_time() - start
        return Found({"dense": hits("d1"), "other": hits("d1")}, hits("d1"), {"dense": spent + 0.001, "other": 0.002})

    legs = {"dense": Leg(embedder), "other": Leg(3)}
    evaluation = evaluate(collection({f"q{n}": {"d1": 1} for n in range(9)}), retrieve, resamples=50, retrievers=legs)
    dense, other = evaluation.legs["dense"], evaluation.legs["other"]
    assert dense.encode_ms is not None
    assert dense.encode_ms >= 0.003 * 8 / 9 * 1e3 - 0.1  # the query of the warm-up is kept
    assert dense.search_ms == pytest.approx(1.0, abs=0.5)
    assert other.encode_ms is None
    assert other.search_ms == pytest.approx(2.0)
    assert legs["dense"].embedder is embedder


def test_the_json_report_holds_every_figure_and_no_machine_path() -> None:
    evaluation = evaluate(collection(MANY), good_and_bad, resamples=100, seed=5, settings={"depth": 100})
    value = json.loads(json.dumps(to_json(evaluation), allow_nan=False))
    command = value.pop("command")  # the words of whoever ran it, paths and all
    assert command
    assert value["versions"]["scipy"]
    (row,) = [row for row in value["rows"] if (row["arm"], row["measure"]) == ("good", "MRR@10")]
    assert row == {"task": "tiny, test", "arm": "good", "measure": "MRR@10", "value": 1.0, "low": 1.0, "high": 1.0}
    assert value["collection"]["path"] == "some/tiny"
    assert value["settings"] == {"exclude_self": False, "resamples": 100, "seed": 5, "depth": 100}
    found = value["fused"]["measures"]["nDCG@10"]
    assert found["n"] == 40
    assert found["low"] <= found["mean"] <= found["high"]
    assert found["against"]["baseline"] == "good"
    assert len(found["per_query"]) == 40
    assert value["environment"]["versions"]["plait"]
    assert value["environment"]["cores"] >= 1
    assert str(Path.cwd()) not in json.dumps(value)
    assert str(Path.home()) + "/" not in json.dumps(value)


def test_the_printed_report_shows_each_system_under_each_measure() -> None:
    out = StringIO()
    console = Console(file=out, width=100)
    console.print(render(evaluate(collection(MANY), good_and_bad, resamples=100, notes=["mind [this]"])))
    text = out.getvalue()
    assert "tiny, split test: 40 queries, 40 documents" in text
    for expected in ("nDCG@10", "recall@100", "MRR@10", "good", "bad", "fused", "best leg", "-0.5000", "mind [this]"):
        assert expected in text, expected
    assert text.count("0.3333") >= 1


def test_unjudged_documents_among_the_first_ten_are_counted_and_may_be_dropped() -> None:
    qrels = {"q1": {"a": 1, "b": 0}, "q2": {"c": 1}}
    found = {"q1": hits("x", "b", "a"), "q2": hits("c", *(f"y{n}" for n in range(20)))}

    def retrieve(query: Query) -> Found:
        return Found({"leg": found[query.text]}, found[query.text])

    plain = evaluate(collection(qrels), retrieve, resamples=50)
    assert plain.unjudged == {"leg": 5.0, "fused": 5.0}  # one of three, nine of ten
    assert to_json(plain)["unjudged_of_first_10"] == {"leg": 5.0, "fused": 5.0}
    assert "unjudged" not in plain.settings
    dropped = evaluate(collection(qrels), retrieve, resamples=50, unjudged="dropped")
    assert (plain.fused.values["MRR@10"]["q1"], dropped.fused.values["MRR@10"]["q1"]) == (1 / 3, 1 / 2)
    assert dropped.unjudged == plain.unjudged  # of the ranking as it was
    assert dropped.settings["unjudged"] == "dropped"
    console = Console(file=StringIO(), width=200)
    console.print(render(plain))
    assert isinstance(console.file, StringIO)
    assert "unjudged among the first ten documents, on the mean: leg 5.0, fused 5.0" in console.file.getvalue()


def test_relevance_may_begin_at_a_higher_grade() -> None:
    qrels = {"q1": {"a": 1, "b": 2}, "q2": {"a": 1}}
    asked = evaluate(
        collection(qrels),
        lambda _: Found({"leg": hits("a", "b")}, hits("a", "b")),
        measures=["MRR@10", "nDCG@10"],
        relevant_from=2,
        resamples=50,
    )
    assert asked.fused.values["MRR@10"] == {"q1": 1 / 2, "q2": 0.0}
    assert asked.fused.values["nDCG@10"]["q2"] == 1.0  # has gains
    assert any("graded 2 or above, in all measures but nDCG; 1 queries have none" in note for note in asked.notes)
