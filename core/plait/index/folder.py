"""The index folder: where its files are, one writer at a time, the atomic replacement that makes a commit.

What the disk and Lance report becomes errors that say what to do (:func:`reading`, :func:`writing`).
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from plait.contracts.errors import (
    IndexCorruptError,
    IndexFormatError,
    IndexLockedError,
    IndexNotFoundError,
    IndexStoreError,
    IndexWriteError,
)
from plait.index.commit import Commit, now

__all__ = ["Folder", "reading", "sync_directory", "write_lock", "writing"]

_FIXES = {
    errno.ENOSPC: "free some space on that disk and run the same command again",
    errno.EDQUOT: "free some of your quota on that disk and run the same command again",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f) and run the same command again",
    errno.EROFS: "the disk is mounted read-only; choose a folder that can be written",
    errno.EACCES: "give yourself write permission on the folder, or choose another",
    errno.EPERM: "give yourself write permission on the folder, or choose another",
    errno.ENOENT: "the folder has gone; mount it again or restore it",
}
_ERRNO = re.compile(r"os error (\d+)")
_OURS = re.compile(r"index\.json|index\.lock|writer\.json|\..*\.tmp|commits|tables")


class Folder:
    """Files of one index.

    ``index.json`` is the current commit, ``commits/<n>.json`` the history, ``tables/`` the Lance tables.

    Args:
        path: the index folder; it may itself be a symbolic link, but nothing in it may lead outside.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().resolve()
        self.current = self.path / "index.json"
        self.commits = self.path / "commits"
        self.tables = self.path / "tables"

    def exists(self) -> bool:
        """Whether there is an index, of whatever format; one that has lost its ``index.json`` is one as well."""
        return os.path.lexists(self.current) or self._holds_data()

    def create(self) -> None:
        """Makes the folder with commit 0, the empty index; an index that is still empty is left as it is.

        Several processes may do so at once: one makes it, the others find it made.

        Raises:
            IndexCorruptError: there is an index that has lost its ``index.json``; it is left as it is.
            IndexStoreError: there is an index with commits already, or something else.
            IndexLockedError: another process kept writing, and made no index.
            IndexWriteError: the place cannot be written.
        """
        if os.path.lexists(self.current):
            if Commit.from_json(self.read_bytes(), str(self.current)).number == 0:
                return
            raise IndexStoreError(
                "there is an index here already", where=str(self.path), fix="open it, or choose another folder"
            )
        if self.path.exists() and not self.path.is_dir():
            raise IndexStoreError("this is a file", where=str(self.path), fix="choose a folder for the index")
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._check_alone()
        try:
            with write_lock(self.path, 10.0):
                # Whoever held the lock before may have made the index, and committed to it as well.
                if os.path.lexists(self.current):
                    return
                if self._holds_data():
                    raise self._lost()
                with writing(self.path):
                    self._check_alone()
                    self.commits.mkdir(exist_ok=True)
                    self.tables.mkdir(exist_ok=True)
                self.publish(Commit(0, None, now(), "an empty index"))
        except IndexLockedError:  # by one that has made the index and now fills it
            if not os.path.lexists(self.current):
                raise

    def read_bytes(self) -> bytes:
        """``index.json`` as it stands; a symbolic link is not followed.

        Raises:
            IndexNotFoundError: there is none.
            IndexCorruptError: there is none, but commits or tables of an index.
            IndexFormatError: it is a link, or one of the folders leads outside.
        """
        try:
            handle = os.open(self.current, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            if self.current.is_symlink():
                raise IndexFormatError(
                    "index.json is a symbolic link, which Plait does not follow",
                    where=str(self.path),
                    fix="copy the whole index folder instead of linking into it",
                ) from error
            if self._holds_data():
                if os.path.lexists(self.current):  # made by another process since the first look
                    return self.read_bytes()
                raise self._lost() from error
            raise IndexNotFoundError(
                f"there is no index here ({error.strerror})",
                where=str(self.path),
                fix=f"make one with: plait index add PATH --index {self.path}",
            ) from error
        with os.fdopen(handle, "rb") as file:
            data = file.read()
        for part in (self.commits, self.tables):
            if part.is_symlink():
                raise IndexFormatError(
                    f"{part.name} is a symbolic link, which Plait does not follow",
                    where=str(self.path),
                    fix="copy the whole index folder instead of linking into it",
                )
        return data

    def history(self) -> list[Commit]:
        """All kept commits up to the current one, newest first.

        Raises:
            IndexCorruptError: a commit file cannot be read.
        """
        current = Commit.from_json(self.read_bytes(), str(self.current))
        # A writer that was killed just before it replaced index.json leaves a file with a higher number.
        older = [number for number in self.numbers() if number < current.number]
        return [current, *(self.past(number) for number in sorted(older, reverse=True))]

    def numbers(self) -> list[int]:
        """Numbers of the commit files, in no order."""
        return [int(path.stem) for path in self.commits.glob("*.json") if path.stem.isdigit()]

    def past(self, number: int) -> Commit:
        """A commit of the history.

        Raises:
            IndexCorruptError: its file cannot be read.
        """
        path = self.commits / f"{number}.json"
        try:
            commit = Commit.from_json(path.read_bytes(), str(path))
        except (OSError, IndexFormatError) as error:
            raise IndexCorruptError(
                f"the commit cannot be read: {error}",
                where=str(path),
                fix="delete this file; only the way back to that commit is lost",
            ) from error
        if commit.number != number:
            raise IndexCorruptError(f"the file holds commit {commit.number}", where=str(path), fix="delete this file")
        return commit

    def publish(self, commit: Commit) -> None:
        """Makes ``commit`` the current one: first its history file, then one atomic replacement of ``index.json``.

        Raises:
            IndexWriteError: nothing has changed then.
        """
        # ASCII, since a message or note may hold half a surrogate pair, which UTF-8 cannot.
        data = json.dumps(commit.to_json(), ensure_ascii=True, indent=1, allow_nan=False).encode()
        with writing(self.path):
            self._replace(self.commits / f"{commit.number}.json", data)
            self._replace(self.current, data)

    def forget(self, oldest: int) -> None:
        """Drops the history before commit ``oldest``."""
        with writing(self.path):
            for number in self.numbers():
                if number < oldest:
                    (self.commits / f"{number}.json").unlink(missing_ok=True)

    def _check_alone(self) -> None:
        others = sorted(entry.name for entry in self.path.iterdir() if not _OURS.fullmatch(entry.name))
        if others:
            raise IndexStoreError(
                f"the folder holds other things: {', '.join(others[:5])}",
                where=str(self.path),
                fix="choose a new or empty folder for the index",
            )

    def _holds_data(self) -> bool:
        """Whether there is more than the empty index: a commit past 0, or a table."""
        return any(number > 0 for number in self.numbers()) or any(self.tables.glob("*.lance"))

    def _lost(self) -> IndexCorruptError:
        newest = max(self.numbers(), default=0)
        fix = "restore index.json from a backup, or move the folder away and add the documents again"
        if newest > 0:
            fix = f"copy the newest commit back: cp '{self.commits / f'{newest}.json'}' '{self.current}'"
        return IndexCorruptError("the index has lost its index.json", where=str(self.path), fix=fix)

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = path.with_name(f".{path.name}.tmp")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes renames inside ``path`` durable; a system that cannot open directories does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def write_lock(path: Path, timeout: float) -> Iterator[None]:
    """Holds the write lock of the index at ``path``.

    The lock is the operating system's on ``index.lock``; ``writer.json`` only tells others who holds it.

    Args:
        path: the index folder.
        timeout: seconds to wait for another writer; 0 tries once.

    Raises:
        IndexLockedError: someone else held it all that time; says who.
        IndexWriteError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    owner = path / "writer.json"
    # Not a soft lock where the file system knows none: that one would outlive a killed writer.
    lock = FileLock(path / "index.lock", timeout=max(timeout, 0.0), fallback_to_soft=False)
    with writing(path):
        try:
            lock.acquire()
        except Timeout as error:  # which is an OSError as well, but not one about writing
            raise IndexLockedError(
                f"another process is writing: {_describe(owner)}; waited {timeout:g} s",
                where=str(path),
                fix="wait until it is done, or wait longer with a larger timeout",
            ) from error
    try:
        with writing(path):
            record = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
            owner.write_text(json.dumps(record), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):  # it is only a note; a disk that went read-only must not hide the real error
            owner.unlink(missing_ok=True)
        lock.release()


def _describe(owner: Path) -> str:
    """Who holds the lock, as far as it has been written down."""
    try:
        record: dict[str, Any] = json.loads(owner.read_text(encoding="utf-8"))
        return f"process {record['pid']} on {record['host']} since {record['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that has not yet said who it is"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whatever fails to be written inside becomes an :class:`IndexWriteError` about ``path``.

    Raises:
        IndexWriteError: the place is read-only, full or gone. The last commit is whole.

    Example:
        >>> with writing(Path("papers.plait")):
        ...     raise OSError(28, "No space left on device")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.IndexWriteError: papers.plait: cannot be written: No space left on device; the last \
commit is whole. Fix: free some space on that disk and run the same command again.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        code = _code(error)
        if code is None and not _from_lance(error):
            raise
        cause = os.strerror(code) if code is not None else str(error).partition(", /")[0]
        raise IndexWriteError(
            f"cannot be written: {cause}; the last commit is whole",
            where=str(path),
            fix=_FIXES.get(code or 0, "see the cause; nothing that was committed is lost"),
        ) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever a stored table fails with inside becomes an :class:`IndexCorruptError` about ``path``.

    Raises:
        IndexCorruptError: a file of the table is missing or damaged.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise IndexCorruptError(
            f"cannot be read: {str(error).partition(', /')[0]}",
            where=str(path),
            fix="run 'plait index check' to see what is damaged and 'plait index rollback' to go back to a whole "
            "commit; if another process has made many commits since this view was opened, open a new one",
        ) from error


def _code(error: OSError | RuntimeError) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _ERRNO.search(str(error))
    return int(found.group(1)) if found else None


def _from_lance(error: Exception) -> bool:
    return "lance" in str(error).lower() or isinstance(error, OSError)
