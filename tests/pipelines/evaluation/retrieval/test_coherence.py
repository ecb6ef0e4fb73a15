"""Coherence against cases worked out by hand."""

from __future__ import annotations

import math

import pytest

from plait.contracts.errors import ConfigError
from plait.evaluation.retrieval.coherence import coherence, linked_share, topical_entropy


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
