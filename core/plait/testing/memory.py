"""An index in memory: the whole :class:`~plait.contracts.IndexView` protocol, exact, in NumPy.

Plugin authors test their retrievers against it without a store on disk; Plait's own tests use it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Chunker, Column, ColumnSource, Document, Edge, Hit, IngestBatch, Passage, SparseColumn
from plait.index.entry_checks import check_values
from plait.index.filters import FilterKey, satisfying
from plait.testing.samples import BlockChunker

__all__ = ["MemoryView", "memory_view", "postings"]

T = TypeVar("T")


def memory_view(
    documents: Sequence[Document], retrievers: Sequence[ColumnSource] = (), *, chunker: Chunker | None = None
) -> MemoryView:
    """Chunks ``documents``, lets every retriever encode its columns, and holds the result.

    Args:
        documents: the corpus; may be empty.
        retrievers: and what else adds columns, in the pipeline's order; each sees the columns of those before it.
        chunker: how to cut passages; by default one passage a block.

    Raises:
        ModelError: a column breaks its declaration.

    Example:
        >>> from plait.testing import sample_documents
        >>> view = memory_view(sample_documents())
        >>> len(view), view.passage(0).text[:11]
        (12, 'BM25 weighs')
        >>> view.allowed({"year": 2009}).sum()
        np.int64(4)
    """
    cutter = chunker or BlockChunker()
    passages = [passage for document in documents for passage in cutter.chunk(document)]
    columns: list[tuple[Column, Any]] = []
    for retriever in retrievers:
        batch = IngestBatch(documents, passages, {column.name: values for column, values in columns})
        values = retriever.encode(batch)
        columns += [(column, values[column.name]) for column in retriever.columns]
    return MemoryView(documents, passages, columns)


class MemoryView:
    """One snapshot over documents, passages and columns, all in memory.

    Args:
        documents: the documents.
        passages: their passages; a row each, in this order.
        columns: each column with its values, one per passage.
        commit: number of the commit it stands for.
        edges: what the documents state of each other.
        models: name -> folder of a trained model.

    Raises:
        ValueError: a passage belongs to no document, or an id occurs twice.
        ModelError: a column breaks its declaration, as the index on disk would say.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        passages: Sequence[Passage],
        columns: Sequence[tuple[Column, Any]] = (),
        *,
        commit: int = 1,
        edges: Sequence[Edge] | None = None,
        models: Mapping[str, Path] | None = None,
    ) -> None:
        self._edges = None if edges is None else tuple(edges)
        self._models = dict(models or {})
        self._documents = {document.id: document for document in documents}
        self._passages = tuple(passages)
        self._rows = {passage.id: row for row, passage in enumerate(passages)}
        if len(self._documents) < len(documents) or len(self._rows) < len(passages):
            raise ValueError("two documents, or two passages, have the same id")
        strangers = {passage.document_id for passage in passages} - set(self._documents)
        if strangers:
            raise ValueError(f"passages of unknown documents: {sorted(strangers)}")
        self._commit = commit
        self._ids = tuple(self._documents)
        numbers = {document_id: number for number, document_id in enumerate(self._ids)}
        self._numbers = np.array([numbers[passage.document_id] for passage in passages], dtype=np.int32)
        self._columns = {column.name: _stored(column, values, list(self._rows)) for column, values in columns}
        self._derived: dict[str, object] = {}
        self._lock = RLock()

    @property
    def commit(self) -> int:
        """Number of the commit this view stands for."""
        return self._commit

    @property
    def passage_ids(self) -> Sequence[str]:
        """Passage id of each row."""
        return tuple(self._rows)

    @property
    def document_numbers(self) -> NDArray[np.int32]:
        """For each row, the position of its document in :attr:`document_ids`; shape (rows,)."""
        return self._numbers

    @property
    def document_ids(self) -> Sequence[str]:
        """Ids of all documents."""
        return self._ids

    def __len__(self) -> int:
        return len(self._passages)

    def passage(self, row: int) -> Passage:
        """The passage in a row."""
        return self._passages[row]

    def row(self, passage_id: str) -> int:
        """The row of a passage; KeyError when there is none."""
        return self._rows[passage_id]

    def document(self, document_id: str) -> Document:
        """The document; KeyError when there is none."""
        return self._documents[document_id]

    def metadata(self, document_id: str) -> Mapping[str, Any]:
        """Its metadata."""
        return self._documents[document_id].metadata

    def title(self, document_id: str) -> str:
        """Its title."""
        return self._documents[document_id].title

    def allowed(self, filters: Mapping[str, Any]) -> NDArray[np.bool_] | None:
        """Which rows satisfy the filters, shape (rows,); None when there are none.

        Raises:
            QueryError: a filter is malformed, or names a key that no document has.
        """
        if not filters:
            return None
        keys = sorted({key for document in self._documents.values() for key in document.metadata})
        return satisfying(filters, len(self._documents), lambda: keys, self._filter_key)[self._numbers]

    def vectors(self, column: str) -> NDArray[np.float32]:
        """A vector column, shape (rows, dimension). Read-only."""
        return cast("NDArray[np.float32]", self._columns[column])

    def tokens(self, column: str, rows: Sequence[int]) -> list[NDArray[np.float16]]:
        """What a ``tokens`` column holds for some rows, each an array (tokens, dimension)."""
        return [self._columns[column][row] for row in rows]

    def sparse(self, column: str) -> SparseColumn:
        """A sparse column as postings, terms in alphabetical order."""
        return self.derived(f"postings of {column}", lambda: postings(self._columns[column]))

    def values(self, column: str) -> Sequence[Any]:
        """A number or text column, one value per row."""
        return cast("Sequence[Any]", self._columns[column])

    def edges(self) -> Sequence[Edge] | None:
        """The edges it was made with."""
        return self._edges

    def model(self, name: str) -> Path | None:
        """The folder it was made with for a model of that name."""
        return self._models.get(name)

    def nearest(
        self, column: str, vector: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and cosines of the k nearest passages, best first, ties by row: every one is compared."""
        rows = np.arange(len(self)) if allowed is None else np.flatnonzero(allowed)
        scores = self.vectors(column)[rows] @ np.asarray(vector, dtype=np.float32)  # (rows, d) @ (d,)
        best = np.argsort(-scores, kind="stable")[:k]
        return rows[best].astype(np.int64), scores[best].astype(np.float32)

    def hits(self, rows: NDArray[np.integer[Any]], scores: NDArray[np.floating[Any]]) -> list[Hit]:
        """Hits for rows that are already in order of score."""
        return [
            Hit(self._passages[row].id, self._passages[row].document_id, float(score), int(row))
            for row, score in zip(rows, scores, strict=True)
        ]

    def derived(self, key: str, build: Callable[[], T]) -> T:
        """``build()`` the first time a key is asked for on this view, the same object after that."""
        with self._lock:
            if key not in self._derived:
                self._derived[key] = build()
            return cast("T", self._derived[key])

    def _filter_key(self, name: str) -> FilterKey:
        values = self._ids if name == "id" else [document.metadata.get(name) for document in self._documents.values()]
        return FilterKey(values)


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


def _stored(column: Column, values: Any, names: Sequence[str]) -> Any:
    """The values of a column as read-only arrays or tuples, refused where the index on disk would refuse them."""
    check_values(column, values, len(names), names)
    if column.kind == "tokens":
        return tuple(np.asarray(vectors, dtype=np.float16) for vectors in values)
    if column.kind in {"text", "sparse"}:
        return tuple(values)
    stored = np.array(values, dtype=np.float32 if column.kind == "vector" else np.float64)
    stored.setflags(write=False)
    return stored
