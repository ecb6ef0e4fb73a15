"""Readers turn a file (or a folder that is one unit) into documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from plait.contracts.document import Document

__all__ = ["ReadReport", "Reader"]


@dataclass(slots=True)
class ReadReport:
    """What a reader left out, counted. Nothing a reader skips may be silent.

    Example:
        >>> report = ReadReport()
        >>> report.skip("a.pdf", "running head", 12)
        >>> report.skipped["a.pdf", "running head"]
        12
    """

    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(where, what) -> how many."""
    failures: list[Exception] = field(default_factory=list)
    """Files or records that could not be read at all; the others went on."""

    def skip(self, where: str, what: str, count: int = 1) -> None:
        """Counts ``count`` things of one kind that were left out of ``where``."""
        self.skipped[where, what] += count

    def fail(self, error: Exception) -> None:
        """Notes that one file or record could not be read; reading goes on with the next."""
        self.failures.append(error)


@runtime_checkable
class Reader(Protocol):
    """Turns one path into documents."""

    def accepts(self, path: Path) -> bool:
        """Whether this reader reads ``path``: decided by name, or by a glance at the first bytes."""
        ...

    def read(self, path: Path, report: ReadReport) -> Iterator[Document]:
        """Yields the documents in ``path``.

        A record that cannot be read is reported with ``report.fail`` and the next one goes on; a file that
        cannot be read at all raises.

        Raises:
            ReadError: the file is unreadable; the message names it and says what to do.
        """
        ...
