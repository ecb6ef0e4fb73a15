"""The tables under a writer's hands: opened when needed, each with everything undone that no commit names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plait.contracts.errors import IndexCorruptError, IndexStoreError
from plait.contracts.retriever import Column
from plait.index.commit import Commit
from plait.index.store import Store
from plait.index.tables import DOCUMENTS, EDGES, PASSAGES, column_table, owner_key, schema

__all__ = ["Usability", "WorkingTables"]

_FRAGMENTS = 20
"""A table in more small pieces than this is joined when it is next committed."""

_VERSIONS = 200
"""A table with more versions on disk than this is tidied when it is next committed."""


class WorkingTables:
    """Tables between two commits.

    Args:
        store: where they are.
        history: the commits that are kept, newest first; the first is the one to start from.
        columns: the columns of the next commit.
    """

    def __init__(self, store: Store, history: Sequence[Commit], columns: Mapping[str, Column]) -> None:
        self.store = store
        self.history = list(history)
        self.columns = dict(columns)
        self.opened: dict[str, Any] = {}

    @property
    def base(self) -> Commit:
        """The commit that the next one starts from."""
        return self.history[0]

    @property
    def names(self) -> list[str]:
        """The tables of the next commit."""
        return [DOCUMENTS, PASSAGES, EDGES, *map(column_table, self.columns)]

    def table(self, name: str) -> Any:
        """A table, writable.

        Raises:
            IndexCorruptError: the version that the last commit names is missing or damaged.
            IndexWriteError: the place cannot be written.
        """
        if name not in self.opened:
            version = self.base.tables.get(name)
            if version is None:
                self.create(name)
            else:
                self.opened[name] = self.store.writable(name, version)
        return self.opened[name]

    def create(self, name: str) -> None:
        """Makes a table anew, empty; versions that kept commits name stay.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        self.opened[name] = self.store.create(name, schema(name, self.columns), bool(self.kept(name)))

    def version(self, name: str) -> int:
        """The version that an opened table has now."""
        return int(self.opened[name].version)

    def versions(self) -> dict[str, int]:
        """The version that each table of the next commit has now; missing ones are made.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        return {name: int(self.table(name).version) for name in self.names}

    def is_ahead(self, name: str) -> bool:
        """Whether a table was written to since the last commit."""
        return name in self.opened and self.version(name) != self.base.tables.get(name)

    def kept(self, name: str) -> set[int]:
        """Versions of a table that kept commits name."""
        return {commit.tables[name] for commit in self.history if name in commit.tables}

    def append(self, rows: Mapping[str, Any]) -> None:
        """Adds rows (Arrow tables by table name).

        Raises:
            IndexWriteError: the place cannot be written.
        """
        for name in self.names:
            self.store.append(self.table(name), rows[name])

    def delete(self, document_ids: Sequence[str]) -> None:
        """Removes documents from all tables.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        for name in self.names:
            self.store.delete(self.table(name), owner_key(name), document_ids)

    def counts(self) -> dict[str, int]:
        """Rows of the tables.

        Raises:
            IndexStoreError: a column has fewer values than there are passages.
            IndexCorruptError: a column has more.
        """
        documents, passages, _ = (self.table(name).count_rows() for name in (DOCUMENTS, PASSAGES, EDGES))
        for column in self.columns:
            found = self.table(column_table(column)).count_rows()
            if found < passages:
                raise IndexStoreError(
                    f"column {column!r} has values for {found} of {passages} passages",
                    where=str(self.store.path.parent),
                    fix="fill() the column, or clear() and put everything again",
                )
            if found > passages:
                raise IndexCorruptError(
                    f"column {column!r} has {found} values for {passages} passages",
                    where=str(self.store.path.parent),
                    fix="run 'plait index check', then roll back or rebuild",
                )
        return {"documents": documents, "passages": passages}

    def tidy(self, name: str) -> None:
        """Joins a table's pieces and drops versions that no kept commit names.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        self.store.tidy(self.table(name), self.kept(name))

    def tidy_if_scattered(self) -> None:
        """Tidies the changed tables that are in many pieces or versions.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        for name in filter(self.is_ahead, self.names):
            table = self.opened[name]
            if self.store.fragments(table) > _FRAGMENTS or self.store.manifests(table) > _VERSIONS:
                self.tidy(name)

    def secure(self, since: float) -> dict[str, int]:
        """Makes what was written after ``since`` durable and safe from cleanup; the versions to commit.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        self.store.sync([name for name in self.names if name in self.opened], since)
        for name in self.names:
            if name in self.opened:
                self.store.keep(self.opened[name])
        return {name: self.version(name) if name in self.opened else self.base.tables[name] for name in self.names}


class Usability:
    """True until a write fails half way. Used as a context around each write.

    Args:
        path: of the index, for messages.

    Example:
        >>> usable = Usability(Path("papers.plait"))
        >>> try:
        ...     with usable:
        ...         raise OSError("disk full")
        ... except OSError:
        ...     bool(usable)
        False
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._usable = True

    def __bool__(self) -> bool:
        return self._usable

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if kind is not None:
            self._usable = False  # the next writer undoes what was written

    def check(self) -> None:
        """Refuses to go on after a failure.

        Raises:
            IndexStoreError: a write failed before.
        """
        if not self._usable:
            raise IndexStoreError(
                "this writer failed before; what it had written cannot be trusted",
                where=str(self._path),
                fix="open a new writer; it starts from the last commit",
            )
