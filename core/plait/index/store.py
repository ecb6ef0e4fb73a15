"""The Lance tables of one index: opened at a version, written to, restored, tagged and tidied.

Lance keeps every version of a table until it is cleaned up. A commit names one version per table, so whatever a
killed writer left behind is simply not named, and is undone before the next write.
"""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from plait.index.folder import reading, sync_directory, writing

__all__ = ["Store"]

_DELETED_AT_ONCE = 2_000
"""Ids in one condition; longer ones take Lance's parser over its stack."""

_MARGIN = timedelta(seconds=5)
"""Cleanup keeps this much more than it needs: its clock is read a little later than ours."""


class Store:
    """The tables in one folder.

    Tables are ``Any`` throughout: lancedb publishes no usable types, and takes a second to import, so it is
    imported when the first table is opened.

    Args:
        path: the folder of the tables.

    Example:
        >>> import tempfile
        >>> import pyarrow as pa
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = Store(Path(folder))
        ...     table = store.create("notes", pa.schema([("id", pa.string())]), kept=False)
        ...     store.append(table, pa.table({"id": ["a", "b"]}))
        ...     store.delete(table, "id", ["a"])
        ...     store.read(table, ["id"])["id"].to_pylist()
        ['b']
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._synced: dict[Path, int] = {}

    @cached_property
    def _database(self) -> Any:
        import lancedb

        return lancedb.connect(str(self.path))

    def open(self, name: str, version: int) -> Any:
        """A table as it was at ``version``, for reading.

        Raises:
            IndexCorruptError: the table or that version of it is missing or damaged.
        """
        with reading(self.path / name):
            table = self._database.open_table(name)
            table.checkout(version)
        return table

    def read(self, table: Any, columns: Sequence[str], row_ids: bool = False) -> Any:
        """Some columns of a table as one Arrow table, with Lance's ``_rowid`` if asked for.

        Raises:
            IndexCorruptError: a file of the table is missing or damaged.
        """
        with reading(self.path / table.name):
            query = table.search().select(list(columns))
            return (query.with_row_id(True) if row_ids else query).to_arrow()

    def records(self, table: Any, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Some columns of a table row by row, without holding all of it in memory.

        Raises:
            IndexCorruptError: a file of the table is missing or damaged.
        """
        with reading(self.path / table.name):
            for batch in table.search().select(list(columns)).to_batches(1_024):
                yield from batch.to_pylist()

    def take(self, table: Any, row_ids: Sequence[int], columns: Sequence[str]) -> Any:
        """Some columns of the rows with these Lance row ids, as an Arrow table; Lance gives them in order of row id.

        Raises:
            IndexCorruptError: a file of the table is missing or damaged.
        """
        with reading(self.path / table.name):
            return table.take_row_ids(list(row_ids)).select(list(columns)).to_arrow()

    def writable(self, name: str, version: int) -> Any:
        """A table for writing, with whatever came after ``version`` undone.

        Raises:
            IndexCorruptError: that version is missing or damaged.
            IndexWriteError: the place cannot be written.
        """
        table = self.open(name, version)
        with writing(self.path.parent):
            table.checkout_latest()
            if table.version != version:
                table.checkout(version)
                table.restore()
                # Files that a killed writer had not finished; with the lock held, nobody else is writing any.
                for path in (self.path / f"{name}.lance").rglob(".tmp*"):
                    path.unlink()
        return table

    def create(self, name: str, schema: Any, kept: bool) -> Any:
        """An empty table.

        Args:
            name: its name.
            schema: its Arrow schema.
            kept: whether a commit that is kept names an earlier table of this name. Then that one's versions
                stay; else whatever a killed writer left under the name goes.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        with writing(self.path.parent):
            if not kept:
                self.drop(name)
            return self._database.create_table(name, schema=schema, mode="overwrite" if kept else "create")

    def drop(self, name: str) -> None:
        """Removes whatever stands under that name, whole or broken."""
        place = self.path / f"{name}.lance"
        if place.exists():
            shutil.rmtree(place)

    def append(self, table: Any, rows: Any) -> None:
        """Adds rows (an Arrow table).

        Raises:
            IndexWriteError: the place cannot be written.
        """
        if rows.num_rows:
            with writing(self.path.parent):
                table.add(rows)

    def delete(self, table: Any, key: str, values: Iterable[str]) -> None:
        """Removes the rows whose ``key`` is one of ``values``.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        quoted = ["'" + value.replace("'", "''") + "'" for value in values]
        with writing(self.path.parent):
            for start in range(0, len(quoted), _DELETED_AT_ONCE):
                table.delete(f"{key} IN ({', '.join(quoted[start : start + _DELETED_AT_ONCE])})")

    def fragments(self, table: Any) -> int:
        """How many small pieces a table is in."""
        return int(table.stats()["fragment_stats"]["num_small_fragments"])

    def manifests(self, table: Any) -> int:
        """How many versions of a table are on disk."""
        with reading(self.path / table.name):
            return sum(1 for _ in (self.path / f"{table.name}.lance" / "_versions").iterdir())

    def keep(self, table: Any) -> None:
        """Tags the table's present version, which keeps cleanup away from it.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        with writing(self.path.parent):
            tags = table.tags
            name = f"v{table.version}"
            if name not in tags.list():
                tags.create(name, table.version)

    def tidy(self, table: Any, kept: Iterable[int]) -> None:
        """Joins small pieces, brings search indexes up to date, and drops versions that no kept commit names.

        Views on kept commits stay valid. The table has a new version afterwards if there was anything to join.

        Args:
            table: a writable table.
            kept: versions that kept commits name.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        kept = set(kept)
        with writing(self.path.parent), warnings.catch_warnings():
            # Lance warns that others' old versions go; which ones may go is exactly what the tags say.
            warnings.simplefilter("ignore", UserWarning)
            for name, tag in table.tags.list().items():
                if tag["version"] not in kept:
                    table.tags.delete(name)
            # Lance tells local times without a zone; .timestamp() takes the earlier of two readings, which is safe.
            stamps = [entry["timestamp"].timestamp() for entry in table.list_versions() if entry["version"] in kept]
            age = max(time.time() - min(stamps), 0.0) if stamps else 0.0
            table.optimize(cleanup_older_than=timedelta(seconds=age) + _MARGIN, delete_unverified=True)

    def drop_all_but(self, names: Iterable[str]) -> None:
        """Removes tables that no kept commit names.

        Raises:
            IndexWriteError: the place cannot be written.
        """
        wanted = {f"{name}.lance" for name in names}
        with writing(self.path.parent):
            for entry in self.path.iterdir():
                if entry.name.endswith(".lance") and entry.name not in wanted and not entry.is_symlink():
                    shutil.rmtree(entry)

    def sync(self, names: Iterable[str], since: float) -> None:
        """Makes what was written to tables after ``since`` durable: Lance itself does not wait for the disk.

        Raises:
            IndexWriteError: the disk refused.
        """
        with writing(self.path.parent):
            paths = {self.path}
            for name in names:
                for folder, _, files in os.walk(self.path / f"{name}.lance"):
                    paths |= self._unsynced(Path(folder), files, since)
            # Together, because the disk joins waits that come at once.
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(_sync, sorted(paths)))

    def _unsynced(self, folder: Path, files: Sequence[str], since: float) -> set[Path]:
        """What of a table's folder must reach the disk: new files, and the folder where there are any."""
        if folder.name == "_transactions":  # only read by writers at the same time, of which there are none
            return set()
        if folder.name == "_versions":  # Lance counts down, so the first is the newest; no commit names the others
            files = sorted(files)[:1]
        fresh = set()
        for path in (folder / file for file in files):
            written = path.stat().st_mtime_ns
            if written >= (since - 1) * 1e9 and self._synced.get(path) != written:
                self._synced[path] = written
                fresh.add(path)
        return fresh | {folder} if fresh else fresh


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_directory(path)
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())
