from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.rankers.token_pooling import pooled


def unit(rows: int, seed: int = 0) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((rows, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def by_merging(vectors: NDArray[np.float32], wanted: int) -> NDArray[np.float64]:
    """Ward's method from its definition: the merge that raises the sum of squares least, until few enough are left."""
    groups = [[row] for row in range(len(vectors))]
    data = vectors.astype(np.float64)
    while len(groups) > wanted:
        costs = {}
        for i in range(len(groups)):
            for j in range(i):
                a, b = data[groups[j]], data[groups[i]]
                costs[j, i] = len(a) * len(b) / (len(a) + len(b)) * np.sum((a.mean(0) - b.mean(0)) ** 2)
        j, i = min(costs, key=costs.__getitem__)
        groups[j] += groups.pop(i)
    means = np.stack([data[group].mean(0) for group in sorted(groups, key=min)])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_by_one_is_the_identity_bit_for_bit(rows: int) -> None:
    vectors = unit(rows)
    assert pooled(vectors, 1).tobytes() == vectors.tobytes()
    assert pooled(vectors, 1).shape == vectors.shape


@pytest.mark.parametrize(("rows", "factor"), [(9, 2), (10, 3), (13, 4), (5, 16)])
def test_equals_merging_step_by_step(rows: int, factor: int) -> None:
    found = pooled(unit(rows, seed=rows), factor)
    assert found.shape == (-(-rows // factor), 8)
    np.testing.assert_allclose(found, by_merging(unit(rows, seed=rows), len(found)), atol=1e-6)


def test_vectors_keep_length_one_and_finite_also_where_they_cancel_out() -> None:
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0]], np.float32)
    np.testing.assert_array_equal(pooled(opposite, 2), opposite[:1])
    np.testing.assert_allclose(np.linalg.norm(pooled(unit(40), 3), axis=1), 1.0, atol=1e-6)
    assert pooled(np.empty((0, 3), np.float32), 4).shape == (0, 3)


def test_equal_tokens_become_one_without_loss() -> None:
    vectors = unit(5)
    np.testing.assert_allclose(pooled(np.repeat(vectors, 2, axis=0), 2), vectors, atol=1e-6)
