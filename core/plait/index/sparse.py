"""From bags of terms, one per passage, to postings, one list per term."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts.retriever import SparseColumn

__all__ = ["postings"]


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
