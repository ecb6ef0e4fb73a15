"""How what is stored becomes what a view shows.

Stored rows become rows in order of document id, then ordinal, however they were put together; bags of terms, one per
passage, become postings, one list per term.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts.retriever import SparseColumn

__all__ = ["RowIds", "no_rows", "postings", "rows_of", "stacked", "token_arrays"]


@dataclass(frozen=True, slots=True)
class RowIds:
    """What every use of a view needs: ids in row order, and how stored rows map to rows."""

    documents: list[str]
    """Sorted."""
    document_rows: NDArray[np.uint64]
    """Lance row id of each document."""
    passages: list[str]
    """Passage id of each row of the view."""
    numbers: NDArray[np.int32]
    """Position in ``documents`` of each row's document."""
    stored: Any
    """Passage ids in the order they are stored, as an Arrow array."""
    target: NDArray[np.int64]
    """The row of the view that each stored row becomes."""


def no_rows() -> RowIds:
    """The rows of the empty index."""
    import pyarrow as pa

    none = np.empty(0, dtype=np.int64)
    return RowIds([], none.astype(np.uint64), [], none.astype(np.int32), pa.array([], pa.large_string()), none)


def rows_of(documents: Any, passages: Any) -> RowIds | str:
    """The rows of a view, or what is wrong with the tables.

    Args:
        documents: Arrow table of ``id`` and Lance's ``_rowid``.
        passages: Arrow table of ``id``, ``document_id`` and ``ordinal``, as stored.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    order = pc.sort_indices(documents["id"])
    ids = documents["id"].take(order).combine_chunks()
    numbers = pc.index_in(passages["document_id"], value_set=ids)
    if numbers.null_count:
        return f"{numbers.null_count} passages belong to no stored document"
    stored_numbers = numbers.to_numpy()
    rows = np.lexsort((passages["ordinal"].to_numpy(), stored_numbers))  # view row -> stored row
    target = np.empty(len(rows), dtype=np.int64)  # stored row -> view row
    target[rows] = np.arange(len(rows))
    stored = passages["id"].combine_chunks()
    document_numbers = stored_numbers[rows].astype(np.int32)
    document_numbers.setflags(write=False)
    return RowIds(
        ids.to_pylist(),
        documents["_rowid"].take(order).to_numpy(),
        stored.take(pa.array(rows)).to_pylist(),
        document_numbers,
        stored,
        target,
    )


def stacked(vectors: Any, target: NDArray[np.int64], dimension: int) -> NDArray[np.float32]:
    """Stored vectors in rows of the view, shape (rows, dimension). Read-only.

    Args:
        vectors: Arrow list column, the vector of each stored row.
        target: for each stored row its row in the view, shape (rows,).
        dimension: width of the vectors.
    """
    found = np.empty((len(target), dimension), dtype=np.float32)
    start = 0
    for chunk in vectors.chunks:
        found[target[start : start + len(chunk)]] = chunk.flatten().to_numpy().reshape(-1, dimension)
        start += len(chunk)
    return _frozen(found)


def token_arrays(tokens: Any, dimension: int) -> list[NDArray[np.float16]]:
    """What an Arrow column of lists of vectors holds, an array (tokens, dimension) a stored row. Read-only.

    Example:
        >>> import pyarrow as pa
        >>> kind = pa.large_list(pa.list_(pa.float16(), 1))
        >>> [found.shape for found in token_arrays(pa.chunked_array([[[[1], [2]], []]], kind), 1)]
        [(2, 1), (0, 1)]
    """
    cells = tokens.combine_chunks()
    ends = np.cumsum(cells.value_lengths().to_numpy(zero_copy_only=False))[:-1]
    return np.split(cells.flatten().flatten().to_numpy(zero_copy_only=False).reshape(-1, dimension), ends)


def postings(terms: Any, weights: Any, target: NDArray[np.int64]) -> SparseColumn:
    """Turns a sparse column around, without a Python loop over its postings.

    Args:
        terms: Arrow list column, the terms of each stored row; no term twice in a row.
        weights: Arrow list column beside it.
        target: for each stored row its row in the view, shape (rows,).

    Returns:
        postings by term; the vocabulary is in the terms' byte order, so equal content gives equal postings.

    Example:
        >>> import pyarrow as pa
        >>> column = postings(
        ...     pa.chunked_array([[["b", "a"], ["b"]]]), pa.chunked_array([[[2.0, 1.0], [3.0]]]), np.array([1, 0])
        ... )
        >>> column.vocabulary, column.indptr.tolist(), column.rows.tolist(), column.weights.tolist()
        ({'a': 0, 'b': 1}, [0, 1, 3], [1, 0, 1], [1.0, 3.0, 2.0])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = len(target)
    lengths = pc.list_value_length(terms).to_numpy().astype(np.int64, copy=False)
    row_of = np.repeat(target, lengths)  # (postings,)
    flat = pc.list_flatten(weights).to_numpy().astype(np.float32, copy=False)
    # Arrow numbers the terms of each chunk apart; unify_dictionaries gives all chunks one numbering.
    encoded = pc.list_flatten(terms).dictionary_encode().unify_dictionaries()
    if encoded.num_chunks == 0 or len(encoded) == 0:
        empty = np.zeros(0, dtype=np.float32)
        return SparseColumn({}, np.zeros(1, dtype=np.int64), _frozen(empty.astype(np.int32)), _frozen(empty))
    dictionary = encoded.chunk(0).dictionary
    codes = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in encoded.chunks])
    order = pc.sort_indices(dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    # Term and row in one 64-bit key: sorting such keys is several times faster than a stable sort by term.
    keys = rank[codes] * rows + row_of
    by_term = np.argsort(keys)
    counts = np.bincount(rank[codes], minlength=len(order))
    indptr = np.zeros(len(order) + 1, dtype=np.int64)
    np.cumsum(counts, out=indptr[1:])
    names = pa.compute.take(dictionary, pa.array(order)).to_pylist()
    return SparseColumn(
        dict(zip(names, range(len(names)), strict=True)),
        _frozen(indptr),
        _frozen(row_of[by_term].astype(np.int32)),
        _frozen(flat[by_term]),
    )


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
