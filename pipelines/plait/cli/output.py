"""What commands print: JSON, text, and progress on anything that takes over a second."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from plait.rag.ingest import Progress

__all__ = ["console", "counted", "print_json", "progress", "wait"]


def console() -> Console:
    """A console for standard output that does not colour numbers at random."""
    from rich.console import Console

    return Console(highlight=False)


def counted(count: int, one: str, several: str | None = None) -> str:
    """A number and what it counts, in the form that the number asks for.

    Example:
        >>> counted(1, "edge"), counted(2_000, "edge"), counted(0, "graph is", "graphs are")
        ('1 edge', '2,000 edges', '0 graphs are')
    """
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def print_json(value: Any) -> None:
    """Prints one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Shows what a long run is doing, on standard error, after its first second.

    On a terminal one line is rewritten; into a file a line is written every ten seconds.
    """
    if quiet:
        yield lambda _what, _done, _all: None
        return
    from rich.console import Console
    from rich.markup import escape

    shown = Console(stderr=True, highlight=False)
    start = time.monotonic()
    if shown.is_terminal:
        with shown.status("") as status:

            def update(what: str, done: int, total: int | None) -> None:
                if time.monotonic() - start > 1:
                    status.update(escape(_line(what, done, total, time.monotonic() - start)))

            yield update
    else:
        last = start

        def write(what: str, done: int, total: int | None) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= 10:
                last = now
                shown.print(_line(what, done, total, now - start), markup=False)

        yield write


@contextmanager
def wait(what: str, quiet: bool) -> Iterator[None]:
    """Shows a spinner while something of unknown length runs; nothing when not on a terminal."""
    from rich.console import Console

    shown = Console(stderr=True)
    if quiet or not shown.is_terminal:
        yield
    else:
        with shown.status(what):
            yield


def _line(what: str, done: int, total: int | None, seconds: float) -> str:
    counted = f" {done:,} of {total:,}" if total is not None else f" ({done:,} done)" if done else ""
    return f"{what}{counted}, {seconds:.0f} s"
