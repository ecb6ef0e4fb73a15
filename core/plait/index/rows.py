"""How stored rows become rows of a view: in order of document id, then ordinal, however they were put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RowIds", "no_rows", "rows_of"]


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
