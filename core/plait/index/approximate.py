"""Approximate search over a vector column; :mod:`plait.index.tuning` decides when it may be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.index.failures import reading
from plait.index.store import Store

__all__ = ["ApproximateSearch"]


class ApproximateSearch:
    """Searches one vector column through its Lance index.

    Rows that were added after the index was built are searched exactly by Lance and merged in.

    Args:
        store: the tables.
        table: the column's table at the version to search.
        settings: ``nprobes`` (partitions looked into) and ``refine_factor`` (candidates per result).
        row: passage id -> row of the view.
    """

    def __init__(self, store: Store, table: Any, settings: Mapping[str, Any], row: Callable[[str], int]) -> None:
        self._store = store
        self._table = table
        self._settings = settings
        self._row = row

    def nearest(self, query: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Rows and cosines, best first, ties by row; None when the index found fewer than it should have."""
        with reading(self._store.path / self._table.name):
            search = self._table.search(query, vector_column_name="value").distance_type("cosine").limit(k)
            search = search.nprobes(self._settings["nprobes"]).refine_factor(self._settings["refine_factor"])
            found = search.select(["passage_id", "_distance"]).to_arrow()
        if found.num_rows < min(k, self._table.count_rows()):
            return None
        rows = np.array([self._row(name) for name in found["passage_id"].to_pylist()], dtype=np.int64)
        scores = np.float32(1.0) - found["_distance"].to_numpy().astype(np.float32)
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]
