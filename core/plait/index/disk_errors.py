"""Turns what the disk and Lance report into errors that say what to do."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plait.contracts.errors import IndexCorruptError, IndexWriteError

__all__ = ["reading", "writing"]

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
