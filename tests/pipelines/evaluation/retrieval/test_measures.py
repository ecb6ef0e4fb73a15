"""Measures against hand-computed cases and an independent NumPy reference."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from plait.contracts.errors import ConfigError, MissingDependencyError
from plait.evaluation import DEFAULT_MEASURES, per_query

ALL = (
    *("nDCG@10", "nDCG@3", "recall@100", "recall@2", "MRR@10", "MRR@2", "precision@5", "success@3", "MAP", "MAP@4"),
    *("nDCG-exp@10", "nDCG-jk@10", "nDCG%20", "nDCG-jk%20", "recall%5", "R-precision", "bpref", "judged@10"),
)


def reference(
    measure: str, grades: Mapping[str, int], ranked: Sequence[str], pool: int = 150, relevant_from: int = 1
) -> float:
    """One measure of one ranking, written from the definitions."""
    stem, sign, cutoff = measure.replace("%", "@%").partition("@")
    if cutoff.startswith("%"):
        cutoff = str(max(1, int(cutoff[1:]) * pool // 100))
    k = int(cutoff) if sign else len(ranked)
    gains = np.array([max(0, grades.get(document, 0)) for document in ranked[:k]], dtype=float)
    relevant = np.array([grades.get(document, 0) >= relevant_from for document in ranked[:k]], dtype=bool)
    all_relevant = sum(grade >= relevant_from for grade in grades.values())
    if stem.startswith("nDCG"):
        ideal = np.sort([max(0, grade) for grade in grades.values()])[::-1][:k].astype(float)
        if stem == "nDCG-exp":
            gains, ideal = 2.0**gains - 1, 2.0**ideal - 1
        discount = np.log2(np.arange(2, 1_000))
        if stem == "nDCG-jk":
            discount = np.concatenate([[1.0], discount])
        best = (ideal / discount[: len(ideal)]).sum()
        return float((gains / discount[: len(gains)]).sum() / best) if best else 0.0
    if stem == "judged":
        return float(np.mean([document in grades for document in ranked[:k]])) if ranked else 0.0
    if stem == "R-precision":
        hits = sum(grades.get(document, 0) >= relevant_from for document in ranked[:all_relevant])
        return hits / all_relevant if all_relevant else 0.0
    if stem == "bpref":
        others = len(grades) - all_relevant
        above, total = 0, 0.0
        for document in ranked:
            if document in grades and grades[document] < relevant_from:
                above += 1
            elif document in grades:
                total += 1 - min(above, all_relevant) / min(all_relevant, others) if others and above else 1.0
        return total / all_relevant if all_relevant else 0.0
    if stem == "recall":
        return float(relevant.sum() / all_relevant) if all_relevant else 0.0
    if stem == "MRR":
        return float(1.0 / (np.argmax(relevant) + 1)) if relevant.any() else 0.0
    if stem == "precision":
        return float(relevant.sum() / k)
    if stem == "success":
        return float(relevant.any())
    assert stem == "MAP"
    precisions = np.cumsum(relevant) / np.arange(1, len(relevant) + 1)
    return float((precisions * relevant).sum() / all_relevant) if all_relevant else 0.0


def ranking(*documents: str) -> list[tuple[str, float]]:
    """Documents with falling scores."""
    return [(document, 1.0 / place) for place, document in enumerate(documents, start=1)]


def test_all_measures_equal_the_reference_on_random_rankings() -> None:
    generator = np.random.default_rng(7)
    pool = [f"d{number}" for number in range(150)]
    qrels: dict[str, dict[str, int]] = {}
    runs: dict[str, list[tuple[str, float]]] = {}
    for number in range(60):
        judged = generator.choice(pool, size=generator.integers(1, 40), replace=False)
        qrels[f"q{number}"] = {str(document): int(generator.integers(-1, 4)) for document in judged}
        found = generator.permutation(pool)[: generator.integers(0, 140)]
        # Scores with many ties: only the order may count.
        scores = np.sort(generator.integers(0, 5, size=len(found)))[::-1]
        runs[f"q{number}"] = [(str(d), float(s)) for d, s in zip(found, scores, strict=True)]
    sizes = dict.fromkeys(qrels, 150)
    for relevant_from in (1, 2):
        values = per_query(qrels, runs, ALL, pool_sizes=sizes, relevant_from=relevant_from)
        for measure in ALL:
            for query, grades in qrels.items():
                ranked = [document for document, _ in runs[query]]
                wanted = reference(measure, grades, ranked, relevant_from=relevant_from)
                assert values[measure][query] == pytest.approx(wanted, abs=1e-9), (measure, query)


def test_a_ranking_worked_out_by_hand() -> None:
    # Found: x (unjudged), a (grade 1), b (judged 0), c (grade 2); never found: d (grade 1).
    judged = {"q": {"a": 1, "b": 0, "c": 2, "d": 1}}
    values = per_query(judged, {"q": ranking("x", "a", "b", "c")}, ALL, pool_sizes={"q": 10})
    discounted = 1 / math.log2(3) + 2 / math.log2(5)
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert values["nDCG@10"]["q"] == pytest.approx(discounted / ideal)
    assert values["recall@100"]["q"] == pytest.approx(2 / 3)
    assert values["recall@2"]["q"] == pytest.approx(1 / 3)
    assert values["MRR@10"]["q"] == pytest.approx(1 / 2)
    assert values["precision@5"]["q"] == pytest.approx(2 / 5)
    assert values["success@3"]["q"] == 1.0
    assert values["MAP"]["q"] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert values["R-precision"]["q"] == pytest.approx(1 / 3)
    assert values["judged@10"]["q"] == pytest.approx(3 / 4)
    assert values["bpref"]["q"] == pytest.approx((1 + 0) / 3)  # one of the one irrelevant stands above c
    assert values["nDCG%20"]["q"] == pytest.approx((1 / math.log2(3)) / (2 + 1 / math.log2(3)))  # two ranks of ten
    assert values["nDCG-jk%20"]["q"] == pytest.approx(1 / 3)  # where the second rank counts as much as the first


@pytest.mark.parametrize(("size", "cut"), [(250, 50), (100, 20), (99, 19), (5, 1), (4, 1), (1, 1)])
def test_a_percentage_cuts_each_pool_at_its_own_rank(size: int, cut: int) -> None:
    documents = [f"d{place}" for place in range(size)]
    for place in (cut - 1, cut):
        found = per_query({"q": {f"d{place}": 1}}, {"q": ranking(*documents)}, ["success%20"], pool_sizes={"q": size})
        assert found["success%20"]["q"] == (1.0 if place < cut else 0.0)


def test_queries_of_unlike_pools_keep_their_own_cut() -> None:
    documents = [f"d{place}" for place in range(30)]
    qrels = {"small": {"d3": 1}, "large": {"d3": 1}}
    runs = {"small": ranking(*documents[:10]), "large": ranking(*documents)}
    found = per_query(qrels, runs, ["recall%20"], pool_sizes={"small": 10, "large": 30})["recall%20"]
    assert found == {"small": 0.0, "large": 1.0}


def test_a_percentage_without_pools_says_what_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"percentage of each query's pool, but there are no pools.*--pool"):
        per_query({"q": {"a": 1}}, {"q": ranking("a")}, ["nDCG%20"])


def test_dropping_unjudged_documents_is_what_ir_measures_calls_judged_only() -> None:
    import ir_measures

    generator = np.random.default_rng(5)
    pool = [f"d{number}" for number in range(60)]
    qrels = {f"q{n}": {str(d): int(generator.integers(0, 3)) for d in generator.choice(pool, 12)} for n in range(20)}
    runs = {query: ranking(*map(str, generator.permutation(pool))) for query in qrels}
    names = {
        "nDCG@10": "nDCG(judged_only=True)@10",
        "MAP": "AP(judged_only=True)",
        "precision@5": "P(judged_only=True)@5",
    }
    mine = per_query(qrels, runs, [*names, "judged@10", "bpref"], unjudged="dropped")
    scores = {query: dict(found) for query, found in runs.items()}
    for name, theirs in names.items():
        measure = ir_measures.parse_measure(theirs)(judged_only=True)
        for metric in ir_measures.iter_calc([measure], qrels, scores):
            assert mine[name][metric.query_id] == pytest.approx(metric.value), name
    plain = per_query(qrels, runs, ["nDCG@10", "judged@10", "bpref"])
    assert mine["nDCG@10"] != plain["nDCG@10"]
    assert mine["judged@10"] == plain["judged@10"]  # counted in the ranking as it was
    assert mine["bpref"] == plain["bpref"]  # never looked at them
    assert max(plain["judged@10"].values()) < 1.0


def test_grades_that_no_exponential_gain_can_hold_are_refused() -> None:
    with pytest.raises(ConfigError, match="grade 31 is too high for nDCG-exp"):
        per_query({"q": {"a": 31}}, {"q": ranking("a")}, ["nDCG-exp@10"])


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("measure", ["nDCG@1", "MRR@1", "precision@1", "MAP@1"])
def test_equal_scores_stay_in_the_order_returned_for_every_measure(order: tuple[str, str], measure: str) -> None:
    values = per_query({"q": {"a": 1}}, {"q": [(document, 0.5) for document in order]}, [measure])
    assert values[measure]["q"] == (1.0 if order[0] == "a" else 0.0)


def test_a_measure_stops_at_its_cutoff() -> None:
    ranked = {"q": ranking(*"abcdefghijk")}
    values = per_query({"q": {"k": 1}}, ranked, ["MRR@10", "MRR@11", "nDCG@10", "recall@10", "recall@11"])
    assert [values[name]["q"] for name in ("MRR@10", "nDCG@10", "recall@10")] == [0.0, 0.0, 0.0]
    assert values["MRR@11"]["q"] == pytest.approx(1 / 11)
    assert values["recall@11"]["q"] == 1.0


def test_judged_queries_without_hits_count_zero_and_unjudged_ones_do_not_count() -> None:
    qrels = {"found": {"a": 1}, "empty": {"a": 1}, "missing": {"a": 1}, "hopeless": {"a": 0}}
    runs = {"found": ranking("a"), "empty": [], "unjudged": ranking("a"), "hopeless": ranking("a")}
    for measure, values in per_query(qrels, runs, DEFAULT_MEASURES).items():
        assert values == {"found": 1.0, "empty": 0.0, "missing": 0.0, "hopeless": 0.0}, measure


def test_a_system_that_finds_nothing_at_all_scores_zero() -> None:
    assert per_query({"q": {"a": 1}}, {}, ["nDCG@10"]) == {"nDCG@10": {"q": 0.0}}


def test_names_are_read_as_people_write_them_and_returned_as_given() -> None:
    values = per_query({"q": {"a": 1}}, {"q": ranking("a")}, ["ndcg@10", "R@5", "mrr@10", "P@1", "hits@1", "map"])
    assert list(values) == ["ndcg@10", "R@5", "mrr@10", "P@1", "hits@1", "map"]
    assert all(value["q"] == 1.0 for value in values.values())


@pytest.mark.parametrize(
    "name",
    [
        *("nDCG", "nDCG@", "nDCG@0", "nDCG@ten", "recall@-1", "accuracy@5", "", "@10", "nDCG@²"),
        *("nDCG%", "nDCG%0", "nDCG%101", "bpref@10", "R-precision@5", "judged", "nDCG@10%20"),
    ],
)
def test_an_unknown_measure_lists_the_choices(name: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no measure .*Choices: nDCG@k"):
        per_query({"q": {"a": 1}}, {"q": ranking("a")}, [name])


def test_a_document_ranked_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="query 'q' holds a document twice"):
        per_query({"q": {"a": 1}}, {"q": [("a", 1.0), ("a", 0.5)]}, ["nDCG@10"])


def test_without_ir_measures_the_pip_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'plait\[evaluation\]'"):
        per_query({"q": {"a": 1}}, {}, ["nDCG@10"])
