from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plait.contracts.errors import QueryError
from plait.index import exact


def _unit(rows: int, width: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(arrays(np.float32, st.integers(0, 60), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])), st.integers(0, 70))
@settings(deadline=None)
def test_top_is_a_stable_sort_cut_off(scores: np.ndarray, k: int) -> None:
    assert exact.top(scores, k).tolist() == np.argsort(-scores, kind="stable")[:k].tolist()


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
def test_nearest_agrees_with_a_full_sort_in_float64(share: float) -> None:
    vectors, query = _unit(2_000, 48), _unit(1, 48, seed=1)[0]
    allowed = np.random.default_rng(2).random(2_000) < share
    rows, scores = exact.nearest(vectors, query, 25, allowed)
    reference = np.where(allowed, vectors.astype(np.float64) @ query.astype(np.float64), -np.inf)
    assert rows.tolist() == np.argsort(-reference, kind="stable")[:25].tolist()
    np.testing.assert_allclose(scores, reference[rows], atol=1e-6)


def test_equal_vectors_tie_by_row_wherever_they_stand() -> None:
    vectors = _unit(1_003, 384)
    same = [3, 64, 500, 501, 1_002]
    vectors[same] = vectors[3]
    rows, scores = exact.nearest(vectors, _unit(1, 384, seed=5)[0] * 0.3 + vectors[3] * 0.7, 5)
    assert rows.tolist() == same
    assert len(set(scores.tolist())) == 1


def test_nothing_allowed_finds_nothing() -> None:
    rows, scores = exact.nearest(_unit(10, 4), _unit(1, 4)[0], 3, np.zeros(10, dtype=np.bool_))
    assert (len(rows), len(scores)) == (0, 0)


@pytest.mark.parametrize("vector", [np.ones(3), np.zeros(4), np.array([1, np.nan, 0, 0]), np.array([np.inf, 0, 0, 0])])
def test_a_query_without_direction_or_of_another_width_is_refused(vector: np.ndarray) -> None:
    with pytest.raises(QueryError, match=r"dense\.vector"):
        exact.query_vector(vector, 4, "dense.vector")


def test_a_long_query_is_brought_to_length_one() -> None:
    assert exact.query_vector(np.array([3.0, 4.0]), 2, "c").tolist() == pytest.approx([0.6, 0.8])
