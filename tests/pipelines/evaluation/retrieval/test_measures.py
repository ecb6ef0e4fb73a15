"""Measures against hand-computed cases and an independent NumPy reference."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from plait.contracts.errors import ConfigError, MissingDependencyError
from plait.evaluation import DEFAULT_MEASURES, per_query
from plait.evaluation.retrieval.measures import coherence, linked_share, topical_entropy

ALL = ("nDCG@10", "nDCG@3", "recall@100", "recall@2", "MRR@10", "MRR@2", "precision@5", "success@3", "MAP", "MAP@4")


def reference(measure: str, grades: Mapping[str, int], ranked: Sequence[str]) -> float:
    """One measure of one ranking, written from the definitions."""
    stem, _, cutoff = measure.partition("@")
    k = int(cutoff) if cutoff else len(ranked)
    gains = np.array([max(0, grades.get(document, 0)) for document in ranked[:k]], dtype=float)
    relevant = gains > 0
    all_relevant = sum(grade > 0 for grade in grades.values())
    if stem == "nDCG":
        ideal = np.sort([max(0, grade) for grade in grades.values()])[::-1][:k]
        best = (ideal / np.log2(np.arange(2, len(ideal) + 2))).sum()
        return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum() / best) if best else 0.0
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
    values = per_query(qrels, runs, ALL)
    for measure in ALL:
        for query, grades in qrels.items():
            wanted = reference(measure, grades, [document for document, _ in runs[query]])
            assert values[measure][query] == pytest.approx(wanted, abs=1e-9), (measure, query)


def test_a_ranking_worked_out_by_hand() -> None:
    # Found: x (unjudged), a (grade 1), b (judged 0), c (grade 2); never found: d (grade 1).
    values = per_query({"q": {"a": 1, "b": 0, "c": 2, "d": 1}}, {"q": ranking("x", "a", "b", "c")}, ALL)
    discounted = 1 / math.log2(3) + 2 / math.log2(5)
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert values["nDCG@10"]["q"] == pytest.approx(discounted / ideal)
    assert values["recall@100"]["q"] == pytest.approx(2 / 3)
    assert values["recall@2"]["q"] == pytest.approx(1 / 3)
    assert values["MRR@10"]["q"] == pytest.approx(1 / 2)
    assert values["precision@5"]["q"] == pytest.approx(2 / 5)
    assert values["success@3"]["q"] == 1.0
    assert values["MAP"]["q"] == pytest.approx((1 / 2 + 2 / 4) / 3)


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
    "name", ["nDCG", "nDCG@", "nDCG@0", "nDCG@ten", "recall@-1", "accuracy@5", "", "@10", "nDCG@²"]
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


def test_links_count_once_and_in_either_direction() -> None:
    links = [("a", "b"), ("b", "a"), ("c", "a"), ("c", "z")]
    assert linked_share({"q": ["a", "b", "c"]}, links, k=3) == {"q": pytest.approx(2 / 3)}


def test_only_the_first_k_hits_count() -> None:
    assert linked_share({"q": ["a", "b", "c", "d"]}, [("c", "d")], k=2) == {"q": 0.0}


def test_a_query_with_one_hit_has_no_pair_and_no_value() -> None:
    assert linked_share({"q": ["a"], "r": []}, [("a", "b")]) == {}
    assert topical_entropy({"q": ["a"]}, {"a": ["x"]}) == {}


def test_one_topic_is_zero_bits_and_k_topics_are_log_k() -> None:
    topics = {"a": ["x"], "b": ["x"], "c": ["y"], "d": ["z"], "e": ["w"]}
    assert topical_entropy({"q": ["a", "b"]}, topics) == {"q": 0.0}
    assert topical_entropy({"q": ["a", "c", "d", "e"]}, topics)["q"] == pytest.approx(2.0)


def test_a_document_spreads_one_unit_over_its_topics() -> None:
    found = topical_entropy({"q": ["a", "b"]}, {"a": ["x", "y", "x"], "b": ["x"]})["q"]
    assert found == pytest.approx(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)))


def test_documents_without_topics_are_left_out() -> None:
    assert topical_entropy({"q": ["a", "n", "b"]}, {"a": ["x"], "b": ["x"]}) == {"q": 0.0}
    assert topical_entropy({"q": ["a", "n"]}, {"a": ["x"]}) == {}


def test_intervals_hold_the_mean_and_are_the_same_for_the_same_seed() -> None:
    rankings = {str(n): ["a", "b"] if n % 3 else ["a", "c"] for n in range(30)}
    first = coherence(rankings, [("a", "b")], {"a": ["x"], "b": ["y"], "c": ["x"]}, k=2, seed=4)
    assert first == coherence(rankings, [("a", "b")], {"a": ["x"], "b": ["y"], "c": ["x"]}, k=2, seed=4)
    assert first.linked is not None and first.entropy is not None
    assert first.linked.mean == pytest.approx(2 / 3)
    assert first.linked.low < 2 / 3 < first.linked.high
    assert first.entropy.mean == pytest.approx(2 / 3)


def test_no_values_give_no_interval() -> None:
    assert coherence({"q": ["a"]}, []).linked is None
    assert coherence({"q": ["a", "b"]}, []).entropy is None


def test_bad_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="k is 1"):
        linked_share({"q": ["a", "b"]}, [], k=1)
    with pytest.raises(ConfigError, match="'q' holds a document twice"):
        linked_share({"q": ["a", "a"]}, [])
