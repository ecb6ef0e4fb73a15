"""The index on disk: commits over Lance tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from plait.contracts.errors import IndexCorruptError, IndexStoreError
from plait.index.approximate import Tuning
from plait.index.check import Finding, check_commit
from plait.index.commit import Commit, Difference, SourceState, now
from plait.index.folder import Folder, write_lock
from plait.index.store import Store
from plait.index.tables import DOCUMENTS
from plait.index.view import View
from plait.index.writer import Writer

__all__ = ["Index"]


class Index:
    """An index folder. Opening one costs a file read; tables are opened when a view or a writer is asked for.

    Several threads and processes may read at once, also while one writes. Made by :meth:`create` or :meth:`open`.

    Args:
        path: the index folder.
        exact_limit: vector columns with more rows than this get an approximate search, see
            :mod:`plait.index.approximate`.
        min_recall: what the approximate search must find of the exact one's results.
        keep_commits: how many commits the history keeps.
    """

    def __init__(
        self, path: str | Path, *, exact_limit: int = 200_000, min_recall: float = 0.98, keep_commits: int = 20
    ) -> None:
        self._folder = Folder(path)
        self._tuning = Tuning(exact_limit, min_recall)
        self._keep_commits = max(keep_commits, 1)
        self._bytes = b""
        self._commit: Commit | None = None
        self._view: View | None = None
        self._views: WeakValueDictionary[int, View] = WeakValueDictionary()
        self._lock = Lock()
        self.commit  # noqa: B018 - reads it, so that a wrong folder is found out here

    @classmethod
    def create(
        cls, path: str | Path, *, exact_limit: int = 200_000, min_recall: float = 0.98, keep_commits: int = 20
    ) -> Index:
        """Makes an empty index in a new or empty folder.

        An index that is still empty, or that another process makes meanwhile, is opened.

        Raises:
            IndexCorruptError: there is an index that has lost its ``index.json``; it is left as it is.
            IndexStoreError: there is an index with commits, or something else, at that place.
            IndexWriteError: the place cannot be written.
        """
        Folder(path).create()
        return cls.open(path, exact_limit=exact_limit, min_recall=min_recall, keep_commits=keep_commits)

    @classmethod
    def open(
        cls, path: str | Path, *, exact_limit: int = 200_000, min_recall: float = 0.98, keep_commits: int = 20
    ) -> Index:
        """Opens an index.

        Raises:
            IndexNotFoundError: there is none.
            IndexCorruptError: it has lost its ``index.json``; says how to restore it.
            IndexFormatError: it was written by a newer Plait, or is not an index.
        """
        return cls(path, exact_limit=exact_limit, min_recall=min_recall, keep_commits=keep_commits)

    @staticmethod
    def exists(path: str | Path) -> bool:
        """Whether there is an index at ``path``, of whatever format; also when it has lost its ``index.json``."""
        return Folder(path).exists()

    @property
    def path(self) -> Path:
        """The index folder, absolute."""
        return self._folder.path

    @property
    def commit(self) -> Commit:
        """The current commit, as it stands on disk now."""
        data = self._folder.read_bytes()
        with self._lock:
            if self._commit is None or data != self._bytes:
                self._commit = Commit.from_json(data, str(self._folder.current))
                self._bytes = data
            return self._commit

    def versions(self) -> list[Commit]:
        """The commits that are kept, newest first.

        Raises:
            IndexCorruptError: one of them cannot be read.
        """
        return self._folder.history()

    def view(self, number: int | None = None) -> View:
        """An immutable snapshot: the current one, or that of a kept commit.

        Costs a file read when nothing was committed since the last call.

        Raises:
            IndexStoreError: the history does not hold that commit.
            IndexCorruptError: its tables are missing or damaged.
        """
        if number is not None:
            return self._view_of(self._past(number))
        while True:
            commit = self.commit
            try:
                view = self._view_of(commit)
            except IndexCorruptError:
                # Between reading index.json and opening the tables, others may have made so many commits that
                # this one is no longer kept. Only then is it worth another try.
                if self.commit.number == commit.number:
                    raise
                continue
            self._view = view  # keeps the newest alive; older ones live as long as someone uses them
            return view

    @contextmanager
    def writer(self, timeout: float = 10.0) -> Iterator[Writer]:
        """Holds the write lock and gives the one :class:`Writer`.

        Args:
            timeout: seconds to wait for another writer.

        Raises:
            IndexLockedError: another one kept writing all that time; says who.
            IndexWriteError: the folder cannot be written.
        """
        with write_lock(self.path, timeout):
            writer = Writer(self._folder, self._store, self._view_of, self._keep_commits, self._tuning)
            yield writer
            writer.close()

    def rollback(self, number: int, message: str | None = None) -> Commit:
        """Makes a new commit that shows what commit ``number`` showed; nothing in between is lost.

        Raises:
            IndexStoreError: the history does not hold that commit.
            IndexCorruptError: its tables are missing or damaged.
            IndexLockedError: another process is writing.
            IndexWriteError: the folder cannot be written.
        """
        with write_lock(self.path, 10.0):
            old, current = self._past(number), self.commit
            for name, version in old.tables.items():
                self._store.open(name, version)  # so that a commit whose tables are damaged never becomes current
            commit = replace(
                old,
                number=current.number + 1,
                parent=current.number,
                created=now(),
                message=message or f"roll back to commit {number}",
            )
            self._folder.publish(commit)
            return commit

    def diff(self, a: int, b: int) -> Difference:
        """Which documents commit ``b`` has added, lost or changed since commit ``a``.

        Raises:
            IndexStoreError: the history does not hold one of them.
        """
        before, after = self.content_hashes(a), self.content_hashes(b)
        return Difference(
            added=tuple(sorted(after.keys() - before.keys())),
            removed=tuple(sorted(before.keys() - after.keys())),
            changed=tuple(sorted(i for i in before.keys() & after.keys() if before[i] != after[i])),
        )

    def content_hashes(self, number: int | None = None) -> dict[str, str]:
        """Document id -> content hash, at the current or a kept commit."""
        commit = self.commit if number is None else self._past(number)
        rows = self._documents(commit, ["id", "content_hash"])
        return dict(zip(rows.get("id", ()), rows.get("content_hash", ()), strict=True))

    def sources(self) -> Mapping[str, SourceState]:
        """Source uri -> the hash it had when it was read, and the documents that came out of it.

        Documents without a source are left out. A file whose documents carry different hashes, because it was
        taken in only in part after it changed, has the hash ``""``: it needs to be read again.
        """
        rows = self._documents(self.commit, ["id", "source_uri", "source_sha256"])
        hashes: dict[str, set[str]] = {}
        ids: dict[str, list[str]] = {}
        for document_id, uri, sha256 in zip(
            rows.get("id", ()), rows.get("source_uri", ()), rows.get("source_sha256", ()), strict=True
        ):
            if uri:
                hashes.setdefault(uri, set()).add(sha256)
                ids.setdefault(uri, []).append(document_id)
        return {
            uri: SourceState(next(iter(found)) if len(found) == 1 else "", tuple(sorted(ids[uri])))
            for uri, found in hashes.items()
        }

    def check(self) -> list[Finding]:
        """Every invariant of the current commit, and whether the tables of kept ones are there; empty is good."""
        return check_commit(self._folder, self._store, self.commit)

    def optimize(self) -> Commit:
        """Joins small pieces of all tables, drops what no kept commit needs, and updates approximate search.

        Raises:
            IndexLockedError: another process is writing.
            IndexWriteError: the folder cannot be written.
        """
        with self.writer() as writer:
            writer.optimize()
            return writer.commit("optimize")

    @cached_property
    def _store(self) -> Store:
        return Store(self._folder.tables)

    def _past(self, number: int) -> Commit:
        current = self.commit
        if number == current.number:
            return current
        known = sorted(n for n in self._folder.numbers() if n < current.number)
        if number not in known:
            raise IndexStoreError(
                f"the history holds no commit {number}",
                where=str(self.path),
                choices=[str(n) for n in (*known, current.number)],
                fix="see 'plait index versions'",
            )
        return self._folder.past(number)

    def _view_of(self, commit: Commit) -> View:
        with self._lock:
            view = self._views.get(commit.number)
            if view is None:
                view = View(self._store, commit)
                self._views[commit.number] = view
            return view

    def _documents(self, commit: Commit, columns: list[str]) -> dict[str, list[str]]:
        if DOCUMENTS not in commit.tables:
            return {}
        rows = self._store.read(self._store.open(DOCUMENTS, commit.tables[DOCUMENTS]), columns)
        return {name: rows[name].to_pylist() for name in columns}
