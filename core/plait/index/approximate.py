"""Approximate search: when a vector column gets an index for it, tuned until it is good enough, and its use.

The kind is Lance's ``IVF_SQ``: vectors in partitions, one byte per dimension, the best candidates scored again with
the full vectors. On 60,000 clustered vectors of 384 dimensions it took 5 CPU-seconds to build and found 99 % of the
ten nearest in a quarter of the partitions. ``IVF_PQ`` took 148 and needed more partitions or a second scoring to get
there; ``IVF_HNSW_SQ`` took 21 on half as many vectors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts.retriever import Column
from plait.index import exact
from plait.index.commit import EXACT, Commit
from plait.index.folder import reading, writing
from plait.index.store import Store
from plait.index.tables import column_table

__all__ = ["ApproximateSearch", "Tuning", "sample_queries"]

KIND = "IVF_SQ"
DEPTHS = (10, 100)
"""Recall is measured at both: answers need the first ten, fusion reads a hundred."""

_QUERIES = 64
"""Queries of each of three kinds. At a depth of ten that is 640 results a kind: a standard error of .006 at .98."""
_REFINE = 2
"""Candidates for each result that are scored again with the full vectors."""
_GROWTH = 1.5
"""The index is built and measured anew when the column has grown by this factor."""

_logger = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Tuning:
    """Limits of exact search.

    Args:
        exact_limit: columns with more rows than this are searched approximately.
        min_recall: what the approximate search must find of the exact one's results, or exact search stays.
    """

    exact_limit: int = 200_000
    min_recall: float = 0.98

    def update(
        self, store: Store, base: Commit, columns: Mapping[str, Column], tables: Mapping[str, Any], rows: int
    ) -> dict[str, dict[str, Any]]:
        """What the next commit says about approximate search; builds and measures where that is needed.

        Args:
            store: the tables.
            base: the commit before.
            columns: the columns of the next one.
            tables: the writable tables that were opened, by name.
            rows: how many passages there are.

        Returns:
            column -> ``{"kind", "recall", "settings", "rows"}``; ``recall`` is by depth. The kind ``exact`` says that
            it was tried and did not reach :attr:`min_recall`, so search stays exact.

        Raises:
            IndexWriteError: the index could not be written.
        """
        entries: dict[str, dict[str, Any]] = {}
        for name, column in columns.items():
            if column.kind != "vector" or rows <= self.exact_limit:
                continue
            before = base.approximate.get(name)
            table = tables.get(column_table(name))
            if table is None:
                entries |= {name: dict(before)} if before is not None else {}
            elif before is not None and self._holds(table, before, rows):
                entries[name] = dict(before)
            else:
                entries[name] = self._build(store, name, column, table, rows)
        return entries

    def _holds(self, table: Any, entry: Mapping[str, Any], rows: int) -> bool:
        """Rows added since are searched exactly, so recall holds; only their share must stay small."""
        if rows > _GROWTH * entry["rows"]:
            return False
        good = min(entry["recall"].values()) >= self.min_recall
        return not good if entry["kind"] == EXACT else good and bool(table.list_indices())

    def _build(self, store: Store, name: str, column: Column, table: Any, rows: int) -> dict[str, Any]:
        partitions = max(round(rows**0.5 / 2), 2)
        from lancedb.index import IvfSq

        with writing(store.path.parent):
            table.create_index("value", config=IvfSq(distance_type="cosine", num_partitions=partitions), replace=True)
        stored = store.read(table, ["passage_id", "value"])
        row_of = {passage_id: row for row, passage_id in enumerate(stored["passage_id"].to_pylist())}
        vectors = np.concatenate(
            [chunk.flatten().to_numpy().reshape(-1, column.dimension or 0) for chunk in stored["value"].chunks]
        )
        queries = sample_queries(vectors, _QUERIES)
        wanted = [exact.nearest(vectors, query, max(DEPTHS))[0] for kind in queries for query in kind]
        nprobes = max(partitions // 16, 1)
        while True:
            settings = {"nprobes": nprobes, "refine_factor": _REFINE, "partitions": partitions}
            search = ApproximateSearch(store, table, settings, row_of.__getitem__)
            recall = _recall(search, queries, wanted)
            if min(recall.values()) >= self.min_recall:
                return {"kind": KIND, "recall": recall, "settings": settings, "rows": rows}
            if 2 * nprobes > partitions // 2:  # looking into more than half saves nothing over exact search
                break
            nprobes *= 2
        _logger.warning(
            "column %s: approximate search finds %s of the exact results, less than %.3f; search stays exact",
            name, recall, self.min_recall,
        )  # fmt: skip
        with writing(store.path.parent):
            for index in table.list_indices():
                table.drop_index(index.name)
        return {"kind": EXACT, "recall": recall, "settings": {}, "rows": rows}


def sample_queries(vectors: NDArray[np.float32], count: int, seed: int = 0) -> list[NDArray[np.float32]]:
    """Query-like vectors, of three kinds that are hard in different ways; shape (count, dimension) each.

    Stored vectors as they are; stored vectors with as much noise as signal; and the middle between two stored ones,
    which lies on no side of any partition border.

    Example:
        >>> [kind.shape for kind in sample_queries(np.eye(4, dtype=np.float32), 3)]
        [(3, 4), (3, 4), (3, 4)]
    """
    generator = np.random.default_rng(seed)
    rows, width = vectors.shape
    one, other = generator.integers(0, rows, count), generator.integers(0, rows, count)
    noise = generator.normal(size=(count, width)).astype(np.float32) / np.float32(width**0.5)
    # A pair of opposite vectors has no middle; the noise gives it one.
    kinds = [vectors[one], vectors[one] + noise, vectors[one] + vectors[other] + np.float32(1e-3) * noise]
    return [kind / np.linalg.norm(kind, axis=1, keepdims=True) for kind in kinds]


def _recall(
    search: ApproximateSearch, queries: list[NDArray[np.float32]], wanted: list[NDArray[np.int64]]
) -> dict[str, float]:
    """Share of the exact results that were found, at each depth: the worst of the kinds of queries."""
    found = []
    for query in (query for kind in queries for query in kind):
        result = search.nearest(query, max(DEPTHS))
        found.append(result[0] if result is not None else np.empty(0, dtype=np.int64))
    recall = {}
    for depth in DEPTHS:
        shares = [
            len(np.intersect1d(got[:depth], want[:depth])) / max(min(depth, len(want)), 1)
            for got, want in zip(found, wanted, strict=True)
        ]
        per_kind = np.array(shares).reshape(len(queries), -1).mean(axis=1)
        recall[str(depth)] = round(float(per_kind.min()), 4)
    return recall
