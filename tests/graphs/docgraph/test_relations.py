"""Derived relations equal plain products, within bounds that hold before anything is multiplied."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.sparse as sp

from plait.docgraph.relations import incidence, readable, relation_of, shared


def _random(rows: int, columns: int, density: float, seed: int = 0) -> sp.csr_array:
    dense = np.random.default_rng(seed).random((rows, columns)) < density
    row, column = np.nonzero(dense)
    return incidence(row.astype(np.int64), column.astype(np.int64), (rows, columns))


@pytest.mark.parametrize(("rows", "columns", "density"), [(1, 1, 1.0), (40, 30, 0.2), (200, 90, 0.05), (30, 5, 0.0)])
def test_weights_are_the_exact_counts(rows: int, columns: int, density: float) -> None:
    groups = _random(rows, columns, density)
    dense = groups.toarray().astype(np.int64)
    expected = dense @ dense.T
    np.fill_diagonal(expected, 0)
    made, dropped = shared(groups, cap=None, budget=10**9)
    assert np.array_equal(made.toarray(), expected)
    assert dropped == {}


def test_blocks_of_rows_join_without_a_seam() -> None:
    groups = _random(9_000, 3_000, 0.001)
    product = (groups @ groups.T).tolil()
    product.setdiag(0)
    made, _ = shared(groups, cap=None, budget=10**9)
    assert (product.tocsr() != made).nnz == 0


def test_a_least_weight_thins() -> None:
    groups = _random(60, 40, 0.2)
    full = shared(groups, cap=None, budget=10**9)[0].toarray()
    thin = shared(groups, cap=None, budget=10**9, min_weight=3)[0].toarray()
    assert np.array_equal(thin, np.where(full >= 3, full, 0))
    assert 0 < np.count_nonzero(thin) < np.count_nonzero(full)


def test_groups_over_the_cap_are_left_out_and_named() -> None:
    groups = _random(60, 40, 0.2)
    sizes = groups.toarray().sum(axis=0)
    made, dropped = shared(groups, cap=12, budget=10**9)
    assert dropped == {n: s for n, s in enumerate(sizes) if s > 12}
    assert list(dropped.values()) == sorted(dropped.values(), reverse=True)
    kept = groups.toarray()[:, sizes <= 12].astype(int)
    expected = kept @ kept.T
    np.fill_diagonal(expected, 0)
    assert np.array_equal(made.toarray(), expected)


def test_the_largest_groups_go_until_the_budget_holds() -> None:
    groups = _random(200, 80, 0.1)
    for budget in (0, 100, 2_000, 5_000, 10**6):
        made, dropped = shared(groups, cap=None, budget=budget)
        assert made.nnz // 2 <= budget
        sizes = groups.toarray().sum(axis=0)
        if dropped:
            assert min(dropped.values()) > max((size for n, size in enumerate(sizes) if n not in dropped), default=0)


def test_groups_with_the_same_members_count_once_towards_the_budget() -> None:
    rows = np.repeat(np.arange(10), 3_000)
    groups = incidence(rows, np.tile(np.arange(3_000), 10), (10, 3_000))  # ten papers, the same 3,000 authors
    made, dropped = shared(groups, cap=None, budget=45)
    assert dropped == {}
    assert set(made.data.tolist()) == {3_000}
    assert made.nnz == 90


def test_a_venue_of_a_million_documents_costs_nothing() -> None:
    rows = np.arange(1_000_000)
    groups = incidence(rows, np.zeros_like(rows), (1_000_000, 1))
    start = time.process_time()
    made, dropped = shared(groups, cap=200, budget=10**7)
    assert made.nnz == 0
    assert dropped == {0: 1_000_000}
    assert time.process_time() - start < 10


def test_the_strongest_ties_of_each_document_stay() -> None:
    groups = _random(50, 60, 0.2)
    full = shared(groups, cap=None, budget=10**9)[0].toarray()
    made = shared(groups, cap=None, budget=10**9, strongest=3)[0].toarray()
    assert np.array_equal(made, made.T)
    assert np.array_equal(made[made > 0], full[made > 0])
    for row in range(50):
        best = sorted(np.flatnonzero(full[row]), key=lambda other: (-full[row, other], other))[:3]
        assert all(made[row, other] for other in best)
    assert np.count_nonzero(made) <= 2 * 3 * 50


def test_edges_are_sorted_and_found_by_node() -> None:
    made = relation_of("co_author", shared(_random(40, 20, 0.2), cap=None, budget=10**9)[0], directed=False)
    order = np.lexsort((made.target, made.source))
    assert np.array_equal(order, np.arange(len(made)))
    for node in range(40):
        targets, weights = made.of(node)
        assert np.array_equal(targets, made.target[made.source == node])
        assert np.array_equal(weights, made.weight[made.source == node])
    assert made.pairs * 2 == len(made)
    assert (made.matrix(40) != made.matrix(40).T).nnz == 0
    with pytest.raises(ValueError, match="read-only"):
        made.weight[0] = 2


def test_names_are_for_readers() -> None:
    assert [readable(name) for name in ("co_author", "same_as", "cites")] == ["co-author", "same as", "cites"]
