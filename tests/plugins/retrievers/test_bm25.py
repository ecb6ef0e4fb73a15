"""Against BM25 worked out passage by passage in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.retrievers.bm25 import Impacts, best_rows
from plait.testing.memory import postings

DOCUMENTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=12), min_size=1, max_size=15)


def reference(documents: list[list[str]], query: list[str], k1: float, b: float) -> list[float]:
    """Lucene's BM25, straight from the formula."""
    mean = sum(map(len, documents)) / len(documents) or 1.0
    scores = [0.0] * len(documents)
    for term in query:
        having = sum(term in document for document in documents)
        for row, document in enumerate(documents):
            often = document.count(term)
            if often:
                rarity = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
                scores[row] += rarity * often / (often + k1 * (1 - b + b * len(document) / mean))
    return scores


def impacts(documents: list[list[str]], k1: float, b: float) -> Impacts:
    column = postings([{term: float(document.count(term)) for term in document} for document in documents])
    return Impacts.of(column, len(documents), k1, b)


@given(DOCUMENTS, st.lists(st.sampled_from("abcdefgz"), max_size=6), st.floats(0, 3), st.floats(0, 1))
def test_scores_equal_the_formula(documents: list[list[str]], query: list[str], k1: float, b: float) -> None:
    expected = reference(documents, query, k1, b)
    np.testing.assert_allclose(impacts(documents, k1, b).scores(query), expected, rtol=1e-5, atol=1e-6)


def test_passages_without_terms_count_in_the_collection_and_its_mean_length() -> None:
    few, more = [["a", "b"], ["b"]], [["a", "b"], ["b"], [], []]
    assert impacts(more, 1.2, 0.75).scores(["a"])[0] != impacts(few, 1.2, 0.75).scores(["a"])[0]
    assert impacts(more, 1.2, 0.75).scores(["a"]) == pytest.approx(reference(more, ["a"], 1.2, 0.75))


@given(st.lists(st.integers(-1, 3), max_size=30), st.integers(0, 35))
def test_the_best_rows_are_those_of_a_full_sort(values: list[int], k: int) -> None:
    scores = np.array(values, dtype=np.float32)
    expected = [row for row in sorted(range(len(values)), key=lambda row: (-values[row], row)) if values[row] > 0][:k]
    assert best_rows(scores, k).tolist() == expected
