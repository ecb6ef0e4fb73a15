"""One writer at a time, across processes and threads; it frees itself when its process dies."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from plait.contracts.errors import IndexLockedError
from plait.index.commit import now
from plait.index.failures import writing

__all__ = ["write_lock"]


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
