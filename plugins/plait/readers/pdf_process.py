"""Runs :mod:`plait.readers.pdf_worker` on one file under caps and collects its pages."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from plait.contracts.errors import MissingDependencyError, ReadError

__all__ = ["Fragment", "PdfPage", "PdfPages", "read_pages"]

_WORKER = Path(__file__).with_name("pdf_worker.py")
_MAX_SIDE = 14_400  # points: 200 inches, the largest page the PDF standard allows
_FIXES = {
    "password": ("it is protected by a password", "save a copy without the password"),
    "broken": ("PDFium cannot read it", "open and save it with a PDF viewer, or fetch it again"),
    "pages": ("it has too many pages", "split it, or raise the reader's max_pages"),
    "size": ("a page is larger than the PDF standard allows", "print it to pages of an ordinary size"),
    "memory": ("it needs more memory than allowed", "split it, or raise the reader's memory_mb"),
}


@dataclass(frozen=True, slots=True)
class Fragment:
    """A run of characters on one baseline in one style; positions in points from the lower left corner."""

    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool
    text: str


@dataclass(frozen=True, slots=True)
class PdfPage:
    """One page as the worker saw it."""

    number: int
    width: float
    height: float
    fragments: tuple[Fragment, ...]
    pictures: int = 0
    rotated: int = 0
    unmapped: int = 0


@dataclass(slots=True)
class PdfPages:
    """All pages of a file and its metadata."""

    metadata: dict[str, str] = field(default_factory=dict)
    pages: list[PdfPage] = field(default_factory=list)


def read_pages(
    path: Path, *, timeout_seconds: float, memory_mb: int, max_pages: int, max_output_megabytes: int
) -> PdfPages:
    """Every page of ``path``, or an error: never a part of the document passed off as the whole.

    Raises:
        ReadError: the file is broken, protected, too large in some way, or the worker crashed or ran out of time; the
            message says how many pages had been read by then.
        MissingDependencyError: pypdfium2 is not installed.
    """
    command = [
        sys.executable,
        "-P",  # neither the working directory nor this folder may shadow a module
        str(_WORKER),
        str(path.absolute()),
        str(memory_mb),
        str(int(timeout_seconds) + 1),
        str(max_pages),
        str(_MAX_SIDE),
    ]
    late = threading.Event()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - our own worker under our own interpreter; the path is one argument
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )

        def stop() -> None:
            late.set()
            process.kill()

        clock = threading.Timer(timeout_seconds, stop)
        clock.start()
        result = PdfPages()
        expected = -1
        try:
            if process.stdout is None:
                raise RuntimeError("the worker was started without a pipe")
            for message in _messages(process.stdout, max_output_megabytes * 1_000_000, path):
                if "error" in message:
                    cause, fix = _FIXES[message["error"]]
                    raise ReadError(f"{cause} ({message['message']})", where=str(path), fix=fix)
                if "done" in message:
                    expected = message["done"]
                elif "pages" in message:
                    result.metadata = {str(key): str(value) for key, value in message["metadata"].items()}
                else:
                    result.pages.append(_page(message))
            process.wait()
        finally:
            clock.cancel()
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if expected != len(result.pages):
            errors.seek(0)
            said = errors.read(100_000).decode("utf-8", "replace")
            raise _stopped(path, process.returncode, late.is_set(), timeout_seconds, len(result.pages), said)
    return result


def _messages(stream: IO[bytes], limit: int, path: Path) -> Iterator[dict[str, Any]]:
    total = 0
    while line := stream.readline(limit - total + 1):
        total += len(line)
        if total > limit:
            raise ReadError(
                f"it unpacks to more than {limit / 1e6:,.0f} MB of text",
                where=str(path),
                fix="check whether the file is meant to harm; else raise the reader's max_output_megabytes",
            )
        if line.endswith(b"\n"):
            yield json.loads(line)


def _page(message: dict[str, Any]) -> PdfPage:
    return PdfPage(
        message["page"],
        message["width"],
        message["height"],
        tuple(Fragment(*values) for values in message["fragments"]),
        message["pictures"],
        message["rotated"],
        message["unmapped"],
    )


def _stopped(
    path: Path, status: int | None, late: bool, timeout_seconds: float, pages: int, said: str
) -> ReadError | MissingDependencyError:
    if "No module named 'pypdfium2'" in said:
        return MissingDependencyError("pypdfium2 is not installed", where=str(path), fix="pip install pypdfium2")
    kept = f"{pages} pages had been read; a part of a document is not kept"
    if late:
        return ReadError(
            f"not read within {timeout_seconds:g} seconds ({kept})",
            where=str(path),
            fix="split it, or raise the reader's timeout_seconds",
        )
    lines = said.strip().splitlines()
    last = f", {lines[-1][:200]}" if lines else ""
    return ReadError(
        f"the parser stopped with status {status}{last} ({kept})",
        where=str(path),
        fix="the file is broken or needs more than the reader's memory_mb: open and save it with a PDF viewer",
    )
