"""One immutable snapshot of the index, read from disk as far as it is asked for."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from plait.contracts.document import Document, Edge
from plait.contracts.errors import IndexCorruptError, IndexStoreError
from plait.contracts.passage import Hit, Passage
from plait.contracts.retriever import Column, SparseColumn
from plait.index import exact
from plait.index.approximate import ApproximateSearch
from plait.index.codec import document_from_json
from plait.index.commit import EXACT, Commit
from plait.index.filters import FilterKey, satisfying
from plait.index.models import fault_of, model_folder
from plait.index.rows import RowIds, no_rows, postings, rows_of, stacked, token_arrays
from plait.index.store import Store
from plait.index.tables import DOCUMENTS, EDGES, PASSAGES, column_table

__all__ = ["View"]

T = TypeVar("T")

_KEPT_DOCUMENTS = 64


class View:
    """A commit over all tables; satisfies :class:`plait.contracts.IndexView`.

    Rows are in order of document id, then ordinal: equal content has equal rows, however it was put together.
    Ids, texts, vectors and terms are read when they are first asked for, and stay in memory then. Safe to use
    from several threads.

    Args:
        store: the tables.
        commit: which version of each.
    """

    def __init__(self, store: Store, commit: Commit) -> None:
        self._store = store
        self._state = commit
        self._lock = RLock()
        self._derived: dict[str, Any] = {}
        self._opened: OrderedDict[str, Document] = OrderedDict()
        self._tables: dict[str, Any] = {}
        # Opened at once, so that a commit that is no longer kept is found out here; read when first needed.
        for name in (DOCUMENTS, PASSAGES):
            if name in commit.tables:
                self._table(name)

    @cached_property
    def _ids(self) -> RowIds:
        with self._lock:
            if DOCUMENTS not in self._state.tables:
                return no_rows()
            documents = self._store.read(self._table(DOCUMENTS), ["id"], row_ids=True)
            passages = self._store.read(self._table(PASSAGES), ["id", "document_id", "ordinal"])
            found = rows_of(documents, passages)
            if isinstance(found, str):
                raise self._corrupt(PASSAGES, found)
            return found

    def __len__(self) -> int:
        """Number of passages."""
        return len(self._ids.passages)

    @property
    def commit(self) -> int:
        """Number of the commit this view shows."""
        return self._state.number

    @property
    def columns(self) -> Mapping[str, Column]:
        """The columns that retrievers declared, by name."""
        return self._state.columns

    @property
    def passage_ids(self) -> Sequence[str]:
        """Passage id of each row."""
        return self._ids.passages

    @property
    def document_ids(self) -> Sequence[str]:
        """Ids of all documents, sorted."""
        return self._ids.documents

    @property
    def document_numbers(self) -> NDArray[np.int32]:
        """For each row, the position of its document in :attr:`document_ids`; shape (rows,). Read-only."""
        return self._ids.numbers

    def passage(self, row: int) -> Passage:
        """The passage in a row.

        Raises:
            IndexError: there is no such row.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        table, position = self._texts
        stored = int(position[row])
        cells = {name: table[name][stored].as_py() for name in table.column_names}
        return Passage(**cells)

    def row(self, passage_id: str) -> int:
        """The row of a passage; KeyError when this commit has no such passage."""
        return self._rows_by_id[passage_id]

    def document(self, document_id: str) -> Document:
        """The stored document, re-opened from disk; KeyError when this commit has no such document.

        The last few dozen that were opened are kept.
        """
        number = self._numbers_by_id[document_id]
        with self._lock:
            if document_id in self._opened:
                self._opened.move_to_end(document_id)
                return self._opened[document_id]
            row_id = int(self._ids.document_rows[number])
            rows = self._store.take(self._table(DOCUMENTS), [row_id], ["id", "document"])
            if rows["id"].to_pylist() != [document_id]:
                raise self._corrupt(DOCUMENTS, f"row {row_id} does not hold document {document_id!r}")
            document = document_from_json(rows["document"][0].as_py())
            self._opened[document_id] = document
            if len(self._opened) > _KEPT_DOCUMENTS:
                self._opened.popitem(last=False)
            return document

    def metadata(self, document_id: str) -> Mapping[str, Any]:
        """The metadata of a document; KeyError when absent."""
        return self._metadata[self._numbers_by_id[document_id]]

    def title(self, document_id: str) -> str:
        """The title of a document; KeyError when absent."""
        return self._titles[self._numbers_by_id[document_id]]

    def allowed(self, filters: Mapping[str, Any]) -> NDArray[np.bool_] | None:
        """Which rows satisfy :attr:`Query.filters`, shape (rows,); None when there are no filters.

        The key ``id`` means the document's id.

        Raises:
            QueryError: a filter is malformed, or names a key that no document has.
        """
        if not filters:
            return None
        documents = satisfying(filters, len(self._ids.documents), self._metadata_keys, self._filter_key)
        return documents[self._ids.numbers]

    def vectors(self, column: str) -> NDArray[np.float32]:
        """A vector column, shape (rows, dimension). Read-only; stays in memory once asked for.

        Raises:
            IndexStoreError: there is no such vector column.
        """
        dimension = self._column(column, "vector").dimension or 0
        return self.derived(f"index:vectors:{column}", lambda: self._read_vectors(column, dimension))

    def tokens(self, column: str, rows: Sequence[int]) -> list[NDArray[np.float16]]:
        """What a ``tokens`` column holds for some rows, in their order: each an array (tokens, dimension). Read-only.

        Read from disk each time: token vectors of a whole index are some hundred times its other vectors.

        Raises:
            IndexStoreError: there is no such column of tokens.
        """
        dimension = self._column(column, "tokens").dimension or 0
        if not len(rows):
            return []
        name = column_table(column)
        stored = self.derived(f"index:tokens:{column}", lambda: self._row_ids(column))
        order, place = np.unique(stored[np.asarray(rows)], return_inverse=True)
        with self._lock:
            taken = self._store.take(self._table(name), order.tolist(), ["passage_id", "value"])
        wanted = np.empty(len(order), dtype=np.int64)
        wanted[place] = rows
        if taken["passage_id"].to_pylist() != [self._ids.passages[row] for row in wanted]:
            raise self._corrupt(name, "its rows do not hold what its row ids say")
        parts = token_arrays(taken["value"], dimension)
        return [parts[number] for number in place]

    def sparse(self, column: str) -> SparseColumn:
        """A sparse column as postings.

        Raises:
            IndexStoreError: there is no such sparse column.
        """
        self._column(column, "sparse")
        return self.derived(f"index:sparse:{column}", lambda: self._read_sparse(column))

    def values(self, column: str) -> Sequence[Any]:
        """A number column as a read-only float64 array, or a text column as a list of str; one value per row.

        Raises:
            IndexStoreError: there is no such number or text column.
        """
        self._column(column, "number", "text")
        return self.derived(f"index:values:{column}", lambda: self._read_values(column))

    def edges(self) -> Sequence[Edge] | None:
        """What the documents state of each other, in order of source, relation and target.

        None where the index was written before edges were stored. Read anew each time it is asked for: whoever
        builds a graph from it keeps that, see :meth:`derived`.
        """
        if EDGES not in self._state.tables:
            return None
        names = ["source", "relation", "target", "confidence", "label"]
        rows = self._store.read(self._table(EDGES), names)
        rows = rows.sort_by([(name, "ascending") for name in ("source", "relation", "target", "label")])
        return [Edge(*cells) for cells in zip(*(rows[name].to_pylist() for name in names), strict=True)]

    def model(self, name: str) -> Path | None:
        """The folder of a trained model that is in use at this commit, or None.

        Raises:
            IndexCorruptError: the commit names one that is not there, or whose files are not what was stored.
        """

        def found() -> tuple[Path | None, str]:
            folder = model_folder(self._store.path.parent, self._state, name)
            return folder, "" if folder is None else fault_of(folder)

        folder, fault = self.derived(f"index:model:{name}", found)
        if fault:
            raise IndexCorruptError(
                f"the trained model {name!r} of commit {self.commit} {fault}",
                where=str(folder),
                fix=f"bring its files back, or train again with 'plait train {name}'",
            )
        return folder

    def nearest(
        self, column: str, vector: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and cosines of the k nearest passages, best first, ties by row.

        Exact, unless the commit says that an approximate index serves this column. Searches with ``allowed``
        are always exact.

        Raises:
            QueryError: the vector has another width than the column, or no direction.
            IndexStoreError: there is no such vector column.
        """
        query = exact.query_vector(vector, self._column(column, "vector").dimension or 0, column)
        if allowed is None and self._state.approximate.get(column, {}).get("kind", EXACT) != EXACT:
            found = self._approximate(column).nearest(query, k)
            if found is not None:
                return found
        return exact.nearest(self.vectors(column), query, k, allowed)

    def hits(self, rows: NDArray[np.integer[Any]], scores: NDArray[np.floating[Any]]) -> list[Hit]:
        """Hits for rows that are already in order of score."""
        ids, documents, numbers = self._ids.passages, self._ids.documents, self._ids.numbers[rows].tolist()
        return [
            Hit(ids[row], documents[number], score, row)
            for row, number, score in zip(rows.tolist(), numbers, scores.tolist(), strict=True)
        ]

    def derived(self, key: str, build: Callable[[], T]) -> T:
        """``build()`` the first time a key is asked for on this view, the same object after that."""
        if key not in self._derived:
            with self._lock:
                if key not in self._derived:
                    self._derived[key] = build()
        return cast("T", self._derived[key])

    def _table(self, name: str) -> Any:
        with self._lock:
            if name not in self._tables:
                self._tables[name] = self._store.open(name, self._state.tables[name])
            return self._tables[name]

    def _column(self, name: str, *kinds: str) -> Column:
        column = self._state.columns.get(name)
        if column is None or column.kind not in kinds:
            fitting = sorted(known for known, other in self._state.columns.items() if other.kind in kinds)
            raise IndexStoreError(
                f"commit {self.commit} has no {' or '.join(kinds)} column {name!r}",
                where=str(self._store.path.parent),
                choices=fitting,
                fix="add the retriever that fills it with 'plait index rebuild --pipeline FILE'",
            )
        return column

    def _approximate(self, column: str) -> ApproximateSearch:
        def build() -> ApproximateSearch:
            settings = self._state.approximate[column]["settings"]
            return ApproximateSearch(self._store, self._table(column_table(column)), settings, self.row)

        return self.derived(f"index:approximate:{column}", build)

    def _row_ids(self, column: str) -> NDArray[np.uint64]:
        """Lance row id of each row of the view in a column's table."""
        rows, target = self._read_column(column, [], row_ids=True)
        found: NDArray[np.uint64] = rows["_rowid"].to_numpy()[np.argsort(target)]
        return found

    def _read_column(self, column: str, parts: Sequence[str], row_ids: bool = False) -> tuple[Any, NDArray[np.int64]]:
        """The stored rows of a column, and for each of them its row in the view."""
        import pyarrow.compute as pc

        name = column_table(column)
        rows = self._store.read(self._table(name), ["passage_id", *parts], row_ids)
        if rows.num_rows != len(self):
            raise self._corrupt(name, f"{rows.num_rows} values for {len(self)} passages")
        ids = rows["passage_id"].combine_chunks()
        if ids.equals(self._ids.stored):  # the usual case: all tables were written in one order
            return rows, self._ids.target
        positions = pc.index_in(ids, value_set=self._ids.stored)
        if positions.null_count:
            raise self._corrupt(name, f"{positions.null_count} values belong to no stored passage")
        return rows, self._ids.target[positions.to_numpy()]

    def _read_vectors(self, column: str, dimension: int) -> NDArray[np.float32]:
        rows, target = self._read_column(column, ["value"])
        return stacked(rows["value"], target, dimension)

    def _read_sparse(self, column: str) -> SparseColumn:
        rows, target = self._read_column(column, ["terms", "weights"])
        return postings(rows["terms"], rows["weights"], target)

    def _read_values(self, column: str) -> Sequence[Any]:
        rows, target = self._read_column(column, ["value"])
        if self._state.columns[column].kind == "number":
            numbers = rows["value"].to_numpy()[np.argsort(target)]
            numbers.setflags(write=False)
            return cast("Sequence[Any]", numbers)
        texts: list[str] = rows["value"].to_pylist()
        return [texts[place] for place in np.argsort(target).tolist()]

    @cached_property
    def _texts(self) -> tuple[Any, NDArray[np.int64]]:
        """The whole passages table, and for each row of the view its row there."""
        names = ["id", "document_id", "ordinal", "start", "end", "text", "context", "kind"]
        with self._lock:
            table = self._store.read(self._table(PASSAGES), names)
            if not table["id"].combine_chunks().equals(self._ids.stored):
                raise self._corrupt(PASSAGES, "the rows came in another order than before")
            return table, np.argsort(self._ids.target)

    @cached_property
    def _rows_by_id(self) -> dict[str, int]:
        return {passage_id: row for row, passage_id in enumerate(self._ids.passages)}

    @cached_property
    def _numbers_by_id(self) -> dict[str, int]:
        return {document_id: number for number, document_id in enumerate(self._ids.documents)}

    @cached_property
    def _titles(self) -> list[str]:
        return self._read_documents("title")

    @cached_property
    def _metadata(self) -> list[Mapping[str, Any]]:
        return [json.loads(text) for text in self._read_documents("metadata")]

    def _read_documents(self, part: str) -> list[Any]:
        """A column of the documents table in the order of :attr:`document_ids`."""
        if not self._ids.documents:
            return []
        rows = self._store.read(self._table(DOCUMENTS), ["id", part])
        by_id = dict(zip(rows["id"].to_pylist(), rows[part].to_pylist(), strict=True))
        return [by_id[document_id] for document_id in self._ids.documents]

    def _metadata_keys(self) -> Sequence[str]:
        return self.derived("index:metadata keys", lambda: list({key for entry in self._metadata for key in entry}))

    def _filter_key(self, name: str) -> FilterKey:
        def build() -> FilterKey:
            if name == "id":
                return FilterKey(self._ids.documents)
            return FilterKey(entry.get(name) for entry in self._metadata)

        return self.derived(f"index:filter:{name}", build)

    def _corrupt(self, table: str, what: str) -> IndexCorruptError:
        return IndexCorruptError(
            what,
            where=f"{self._store.path / table} at commit {self.commit}",
            fix="run 'plait index check', then roll back to a whole commit or rebuild",
        )
