"""Checks what a retriever stored against what it declared, and turns sparse columns into postings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plait.contracts import Column, SparseColumn

__all__ = ["checked_column", "postings"]

NORM_TOLERANCE = 1e-3
"""Vectors computed in bfloat16 are off by up to this after they were normalised."""


def checked_column(column: Column, values: Any, rows: int) -> Any:
    """The values of a column in their stored form: read-only arrays, tuples.

    Raises:
        ValueError: there are too few or too many, or one is not what the column's kind allows.

    Example:
        >>> checked_column(Column("year", "number"), [2009, 2020], 2)
        array([2009., 2020.])
        >>> checked_column(Column("v", "vector", 2), [[3.0, 4.0]], 1)
        Traceback (most recent call last):
        ...
        ValueError: column 'v': vectors have length 1, but row 0 has 5
    """
    if len(values) != rows:
        raise ValueError(f"column {column.name!r}: {len(values)} values for {rows} passages")
    if column.kind == "vector":
        return _vectors(column, values, rows)
    if column.kind == "number":
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != (rows,):
            raise ValueError(f"column {column.name!r}: numbers have the shape ({rows},), not {numbers.shape}")
        numbers.setflags(write=False)
        return numbers
    wanted = str if column.kind == "text" else Mapping
    for row, value in enumerate(values):
        if not isinstance(value, wanted):
            raise ValueError(f"column {column.name!r}: row {row} is a {type(value).__name__}, not {wanted.__name__}")
    if column.kind == "sparse":
        _check_weights(column, values)
    return tuple(values)


def postings(values: Sequence[Mapping[str, float]]) -> SparseColumn:
    """One mapping per row as postings: terms in alphabetical order, rows ascending within a term.

    Example:
        >>> column = postings([{"b": 1.0}, {"a": 2.0, "b": 3.0}])
        >>> column.vocabulary, column.indptr.tolist(), column.rows.tolist(), column.weights.tolist()
        ({'a': 0, 'b': 1}, [0, 1, 3], [1, 0, 1], [2.0, 1.0, 3.0])
    """
    lists: dict[str, list[tuple[int, float]]] = {term: [] for term in sorted({term for row in values for term in row})}
    for row, weights in enumerate(values):
        for term, weight in weights.items():
            lists[term].append((row, weight))
    flat = [posting for term in lists for posting in lists[term]]
    return SparseColumn(
        {term: number for number, term in enumerate(lists)},
        np.cumsum([0, *(len(found) for found in lists.values())], dtype=np.int64),
        np.array([row for row, _ in flat], dtype=np.int32),
        np.array([weight for _, weight in flat], dtype=np.float32),
    )


def _vectors(column: Column, values: Any, rows: int) -> Any:
    vectors = np.array(values, dtype=np.float32).reshape(rows, -1) if rows else np.empty((0, column.dimension or 0))
    if vectors.shape != (rows, column.dimension):
        raise ValueError(f"column {column.name!r}: {vectors.shape[1]} wide, but declared {column.dimension}")
    if not np.isfinite(vectors).all():
        raise ValueError(f"column {column.name!r}: a vector is not finite")
    lengths = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(np.abs(lengths - 1) > NORM_TOLERANCE)
    if wrong.size:
        raise ValueError(f"column {column.name!r}: vectors have length 1, but row {wrong[0]} has {lengths[wrong[0]]:g}")
    vectors = vectors.astype(np.float32)
    vectors.setflags(write=False)
    return vectors


def _check_weights(column: Column, values: Sequence[Mapping[str, float]]) -> None:
    for row, weights in enumerate(values):
        for term, weight in weights.items():
            if not isinstance(term, str) or not np.isfinite(weight):
                raise ValueError(f"column {column.name!r}: row {row} gives {term!r} the weight {weight!r}")
