"""Exact search: a product with every vector and a partial sort."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import QueryError

__all__ = ["nearest", "query_vector", "top"]

_SPARSE_MASK = 0.2
"""Below this share of allowed rows it is cheaper to gather them than to score all."""


def query_vector(vector: NDArray[np.floating[Any]], dimension: int, column: str) -> NDArray[np.float32]:
    """``vector`` as float32 of length 1, so that products with stored vectors are cosines.

    Raises:
        QueryError: it has another width, is not finite, or has length 0.
    """
    query = np.ascontiguousarray(vector, dtype=np.float32)
    if query.shape != (dimension,):
        raise QueryError(
            f"the query vector has shape {query.shape}, column {column!r} holds vectors of width {dimension}",
            fix="search with the embedder that filled the column",
        )
    norm = float(np.sqrt(query @ query))
    if not np.isfinite(norm) or norm == 0.0:
        raise QueryError(
            f"the query vector for column {column!r} has length {norm}", fix="check the embedder on this question"
        )
    # Left as it is when it is of length 1 already, so that scores equal a plain product to the last bit.
    return query if abs(norm - 1.0) <= 1e-5 else query / np.float32(norm)


def top(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Positions of the k highest scores, best first, ties by position. Scores of -inf are left out.

    Args:
        scores: shape (rows,), without NaN.
        k: how many.

    Example:
        >>> top(np.array([0.1, 0.9, 0.1, 0.5], dtype=np.float32), 3).tolist()
        [1, 3, 0]
    """
    k = min(k, len(scores))
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    if k < len(scores):
        # Everything as good as the k-th, so that the tie there is decided by position and not by the partition.
        bar = np.partition(scores, len(scores) - k)[len(scores) - k]
        candidates = np.flatnonzero(scores >= bar)
    else:
        candidates = np.arange(len(scores))
    order = np.argsort(-scores[candidates], kind="stable")[:k]
    chosen = candidates[order]
    return chosen[scores[chosen] > -np.inf].astype(np.int64, copy=False)


def nearest(
    vectors: NDArray[np.float32], query: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows and cosines of the k nearest vectors, best first, ties by row.

    Args:
        vectors: shape (rows, dimension), each of length 1.
        query: shape (dimension,), of length 1.
        k: how many.
        allowed: which rows may be found, shape (rows,); None allows all.
    """
    if allowed is None:
        scores = _cosines(vectors, query)
    else:
        rows = np.flatnonzero(allowed)
        if len(rows) < _SPARSE_MASK * len(vectors):
            few = _cosines(vectors[rows], query)
            best = top(few, k)
            return rows[best], few[best]
        scores = np.where(allowed, _cosines(vectors, query), np.float32(-np.inf))
    best = top(scores, k)
    return best, scores[best]


def _cosines(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Products of each row with the query, shape (rows,).

    ``vecdot`` and not ``@``: each row is summed by the same steps wherever it stands, so equal vectors tie exactly,
    and no BLAS threads wake up for a tenth of a millisecond of work (on a busy machine they cost 70 times that).
    """
    products: NDArray[np.float32] = np.vecdot(vectors, query)
    return products
