"""The one writer: stages documents, writes them to the tables, and commits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from plait.contracts.document import Document, Edge
from plait.contracts.errors import DocumentError, IndexStoreError, IndexWriteError
from plait.contracts.passage import Passage
from plait.contracts.retriever import Column, ColumnValues
from plait.index.approximate import Tuning
from plait.index.commit import Commit, as_json, now
from plait.index.entry_checks import (
    check_documents,
    check_edges,
    check_passages,
    check_values,
    declared_columns,
    origin,
    place_of,
)
from plait.index.folder import Folder
from plait.index.models import MODELS, drop_unused_models, models_of, store_model, with_models
from plait.index.store import Store
from plait.index.tables import DOCUMENTS, EDGES, batch_rows, column_rows, column_table, document_rows, edge_rows
from plait.index.view import View
from plait.index.working import Usability, WorkingTables

__all__ = ["Writer"]

_STAGED_PASSAGES = 8_192
"""Passages held in memory before they are written (not committed) to the tables."""

_logger = logging.getLogger(__name__)


class Writer:
    """Changes to an index, nothing of which is seen before :meth:`commit`. Made by :meth:`Index.writer`.

    What was not committed when the writer ends is dropped.

    Args:
        folder: the index folder, whose write lock is held.
        store: its tables.
        view_of: makes the view of a commit.
        keep_commits: how many commits stay in the history.
        tuning: when and how approximate search is built.
    """

    def __init__(
        self, folder: Folder, store: Store, view_of: Callable[[Commit], View], keep_commits: int, tuning: Tuning
    ) -> None:
        self._folder = folder
        self._view_of = view_of
        self._keep_commits = keep_commits
        self._tuning = tuning
        history = folder.history()
        self._tables = WorkingTables(store, history, history[0].columns)
        self._staged: list[tuple[Sequence[Document], Sequence[Passage], Mapping[str, Any]]] = []
        self._origins: dict[str, tuple[tuple[str, str] | None, str]] = {}
        self._changed = False
        self._models: dict[str, str] | None = None
        self._usable = Usability(folder.path)
        self._opened = time.time()

    @property
    def view(self) -> View:
        """The index as it was at the last commit."""
        return self._view_of(self._tables.base)

    def declare(self, columns: Sequence[Column]) -> None:
        """Sets which columns the index has from the next commit on.

        Columns that are not named go. New ones of an index that already holds passages need :meth:`fill` (or
        :meth:`clear`) before the next commit. A column of the same name but another kind or width is a new one.

        Raises:
            IndexStoreError: two columns with one name, an impossible name, or a vector column without dimension.
        """
        declared = declared_columns(columns, str(self._folder.path))
        before = self._tables.columns
        if declared == before:
            return
        self._flush()
        self._changed = True
        with self._usable:
            self._tables.columns = declared
            for name, column in declared.items():
                if before.get(name) != column:
                    self._tables.create(column_table(name))

    def put(
        self,
        documents: Sequence[Document],
        passages: Sequence[Passage],
        columns: Mapping[str, ColumnValues],
        edges: Sequence[Edge] = (),
    ) -> None:
        """Adds documents, or replaces exactly the rows of those that are there already.

        Everything is checked first; when something is wrong, nothing of the batch is taken.

        Args:
            documents: the documents, each id once.
            passages: all passages of these documents, in reading order within each.
            columns: a value for each passage, for each declared column.
            edges: all that these documents state of others.

        Raises:
            DocumentError: two documents with one id (in this batch, or from two places in this writer's life), a
                passage that does not open to its text, or an edge that is no fact of these documents.
            ModelError: a column's values cannot be stored.
            IndexWriteError: the place cannot be written.
        """
        self._usable.check()
        documents, passages = list(documents), list(passages)
        check_documents(documents)
        for document in documents:
            place, name = self._origins.get(document.id, place_of(document))
            if place != place_of(document)[0]:
                raise DocumentError(
                    f"two documents with the id {document.id!r}",
                    where=f"{name} and {origin(document)}",
                    fix="give one of them another id",
                )
        check_passages(documents, passages)
        check_edges(edges, {document.id for document in documents})
        if set(columns) != set(self._tables.columns):
            raise IndexStoreError(
                f"values for columns {sorted(columns)} where {sorted(self._tables.columns)} are declared",
                where=str(self._folder.path),
                fix="declare what the retrievers fill, and fill what they declare",
            )
        ids = [passage.id for passage in passages]
        for name, values in columns.items():
            check_values(self._tables.columns[name], values, len(passages), ids)
        rows = batch_rows(documents, passages, self._tables.columns, columns, edges)
        if any(document.id in self._origins for document in documents):
            self._flush()  # a document put twice: the first rows must be in the tables to be replaced there
        self._origins |= {document.id: place_of(document) for document in documents}
        self._staged.append((documents, passages, rows))
        self._changed = True
        if sum(len(held) for _, held, _ in self._staged) >= _STAGED_PASSAGES:
            self._flush()

    def relocate(self, documents: Sequence[Document]) -> None:
        """Notes a new source for stored documents whose content is the same; their passages stay untouched.

        Raises:
            DocumentError: a document is not stored, or its content differs from what is.
            IndexWriteError: the place cannot be written.
        """
        if not documents:
            return
        check_documents(documents)
        self._flush()
        rows = document_rows(documents)
        table = self._tables.table(DOCUMENTS)
        stored = self._tables.store.read(table, ["id", "content_hash"])
        hashes = dict(zip(stored["id"].to_pylist(), stored["content_hash"].to_pylist(), strict=True))
        for document, fresh in zip(documents, rows["content_hash"].to_pylist(), strict=True):
            if hashes.get(document.id) != fresh:
                raise DocumentError(
                    "its content is not what is stored under its id", where=origin(document), fix="put it instead"
                )
        self._changed = True
        with self._usable:
            self._tables.store.delete(table, "id", [document.id for document in documents])
            self._tables.store.append(table, rows)
        self._origins |= {document.id: place_of(document) for document in documents}

    def link(self, edges: Mapping[str, Sequence[Edge]]) -> None:
        """Replaces what stored documents state of others; passages and columns stay untouched.

        Args:
            edges: document id -> all its edges from now on.

        Raises:
            DocumentError: a document is not stored, or an edge is stated by another one.
            IndexWriteError: the place cannot be written.
        """
        self._flush()
        unknown = sorted(edges.keys() - self._present)
        if unknown:
            raise DocumentError(f"edges of documents that are not stored: {', '.join(unknown[:3])}", fix="put them")
        for source, stated in edges.items():
            check_edges(stated, {source})
        if not edges:
            return
        self._changed = True
        with self._usable:
            table = self._tables.table(EDGES)
            self._tables.store.delete(table, "source", sorted(edges))
            self._tables.store.append(table, edge_rows([edge for stated in edges.values() for edge in stated]))

    def preview(self) -> View:
        """The index as it would be committed now, for columns that depend on all of it.

        Its number is that of the next commit. It is of use until something else is written.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        self._flush()
        tables, base = self._tables, self._tables.base
        with self._usable:
            versions = tables.versions()
        state = replace(
            base,
            number=base.number + 1,
            message="not committed",
            tables=versions,
            columns=dict(tables.columns),
            approximate={},
            notes=base.notes if self._models is None else with_models(base.notes, self._models),
        )
        return View(tables.store, state)

    @property
    def models(self) -> Mapping[str, Any]:
        """The trained models that the next commit will use, by name."""
        return models_of(self._tables.base) if self._models is None else self._models

    def keep_model(self, name: str, made: Path | None) -> None:
        """Has the next commit use a trained model.

        Args:
            name: what kind of model it is.
            made: a folder of files, which is moved into the index; None takes the model out of use.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        self._usable.check()
        models = dict(self.models)
        models.pop(name, None)
        if made is not None:
            models[name] = store_model(self._folder.path, name, made)
        self._models = models
        self._changed = True

    def remove(self, document_ids: Iterable[str]) -> int:
        """Removes documents with all their rows; ids that are not stored are passed over.

        Returns:
            how many documents were removed.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        self._flush()
        gone = sorted(set(document_ids) & self._present)
        if gone:
            self._changed = True
            with self._usable:
                self._tables.delete(gone)
            self._present.difference_update(gone)
            for document_id in gone:
                self._origins.pop(document_id, None)
        return len(gone)

    def fill(self, column: str, values_by_row: ColumnValues) -> None:
        """Gives a column its values for all rows of :meth:`preview`: for a new retriever on an existing index.

        Touches only that column's table.

        Raises:
            IndexStoreError: the column is not declared.
            ModelError: the values cannot be stored.
            IndexWriteError: the place cannot be written.
        """
        self._usable.check()
        if column not in self._tables.columns:
            known = sorted(self._tables.columns)
            raise IndexStoreError(f"no column {column!r} is declared", choices=known, fix="declare it first")
        view = self.preview()
        ids = list(view.passage_ids)
        check_values(self._tables.columns[column], values_by_row, len(ids), ids)
        owners = [view.document_ids[number] for number in view.document_numbers]
        rows = column_rows(self._tables.columns[column], ids, owners, values_by_row)
        self._changed = True
        with self._usable:
            self._tables.create(column_table(column))
            self._tables.store.append(self._tables.table(column_table(column)), rows)

    def clear(self) -> None:
        """Empties all tables, for a rebuild. :attr:`view` still shows what was there.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        self._usable.check()
        self._staged, self._origins = [], {}
        with self._usable:
            for name in self._tables.names:
                self._tables.create(name)
        self._present.clear()
        self._changed = True

    def commit(
        self, message: str, identity: Mapping[str, Any] | None = None, notes: Mapping[str, Any] | None = None
    ) -> Commit:
        """Makes everything since the last commit visible at once.

        Args:
            message: why, for people.
            identity: what the columns were made with (JSON); None keeps the last commit's.
            notes: anything else that belongs to this state (JSON); None keeps the last commit's.

        Raises:
            IndexStoreError: a column has no values for some passages, or identity or notes are not JSON.
            IndexWriteError: the place cannot be written; the last commit is whole and current.
        """
        self._flush()
        tables, base = self._tables, self._tables.base
        identity = as_json("identity", base.identity if identity is None else identity)
        # Which models are in use is the index's own note, whoever writes the others.
        models = base.notes.get(MODELS) if self._models is None else self._models
        notes = as_json("notes", with_models(base.notes if notes is None else notes, models))
        counts = tables.counts()
        with self._usable:
            tables.tidy_if_scattered()
            approximate = self._tuning.update(tables.store, base, tables.columns, tables.opened, counts["passages"])
            commit = Commit(
                number=base.number + 1,
                parent=base.number,
                created=now(),
                message=message,
                tables=tables.secure(self._opened),
                columns=dict(tables.columns),
                identity=identity,
                counts=counts,
                approximate=approximate,
                notes=notes,
            )
            self._folder.publish(commit)
        tables.history.insert(0, commit)
        self._forget_old()
        self._changed = False
        self._models = None
        self._opened = time.time()
        return commit

    def optimize(self) -> None:
        """Has the next commit join small pieces of all tables and bring search indexes up to date."""
        self._flush()
        self._changed = True
        with self._usable:
            for name in self._tables.names:
                self._tables.tidy(name)

    def close(self) -> None:
        """Ends the writer; says so in the log if something was not committed."""
        if self._changed and self._usable:
            last = self._tables.base.number
            _logger.warning("%s: what was written since commit %d is dropped", self._folder.path, last)

    @cached_property
    def _present(self) -> set[str]:
        """Ids of the documents in the tables as they are now, staged ones not counted."""
        return set(self.view.document_ids)

    def _flush(self) -> None:
        """Writes what is staged to the tables."""
        self._usable.check()
        if not self._staged:
            return
        staged, self._staged = self._staged, []
        import pyarrow as pa

        ids = {document.id for documents, _, _ in staged for document in documents}
        with self._usable:
            known = sorted(ids & self._present)
            if known:
                self._tables.delete(known)
            joined = {name: pa.concat_tables([rows[name] for _, _, rows in staged]) for name in self._tables.names}
            self._tables.append(joined)
            self._present.update(ids)

    def _forget_old(self) -> None:
        """Shortens the history. The tables' old versions go when they are next tidied, so never before it."""
        history, kept = self._tables.history, self._tables.history[: self._keep_commits]
        if len(history) == len(kept):
            return
        self._tables.history = kept
        try:
            self._folder.forget(kept[-1].number)
            drop_unused_models(self._folder.path, kept)
            if any(commit.tables.keys() - kept[0].tables.keys() for commit in history[len(kept) :]):
                self._tables.store.drop_all_but({name for commit in kept for name in commit.tables})
        except IndexWriteError as error:  # the commit itself is made; only some space is not won back yet
            _logger.warning("old commits could not be dropped: %s", error)
