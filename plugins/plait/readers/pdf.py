"""PDF files, parsed by PDFium in a process of its own under caps of time, memory and output."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pydantic import Field

from plait.config import Settings
from plait.contracts import Document, ReadReport
from plait.contracts.errors import MissingDependencyError, ReadError
from plait.readers.files import read_bytes, source_of

if TYPE_CHECKING:
    from plait.readers.pdf_lines import PdfPages

__all__ = ["Config", "PdfReader"]

_WORKER = Path(__file__).with_name("pdf_worker.py")
_MAX_SIDE = 14_400  # points: 200 inches, the largest page the PDF standard allows
_FIXES = {
    "password": ("it is protected by a password", "save a copy without the password"),
    "broken": ("PDFium cannot read it", "open and save it with a PDF viewer, or fetch it again"),
    "pages": ("it has too many pages", "split it, or raise the reader's max_pages"),
    "size": ("a page is larger than the PDF standard allows", "print it to pages of an ordinary size"),
    "memory": ("it needs more memory than allowed", "split it, or raise the reader's memory_mb"),
}
_PADDING = b"\0\t\n\f\r "
"""What may stand behind the end mark."""


class Config(Settings):
    """Settings of the reader ``pdf``: what one file may cost."""

    timeout_seconds: float = Field(default=60.0, gt=0)
    """Wall time for one file."""
    memory_mb: int = Field(default=1024, ge=64)
    """Address space of the parsing process (not enforced on Windows and macOS)."""
    max_pages: int = Field(default=2_000, ge=1)
    """Longer files are refused."""
    max_megabytes: int = Field(default=256, ge=1)
    """Larger files are refused."""
    max_output_megabytes: int = Field(default=128, ge=1)
    """Most text, with its positions, that one file may unpack to."""


class PdfReader:
    """Reads PDF files that hold text; a scan without a text layer is refused.

    The process that parses the file is capped in time, memory and output. Reading order, paragraphs, headings, running
    heads, captions and the bibliography are found from positions and fonts; nothing is rendered.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()

    def accepts(self, path: Path) -> bool:
        """Files named ``.pdf``."""
        return path.suffix.lower() == ".pdf" and path.is_file()

    def read(self, path: Path, report: ReadReport) -> Iterator[Document]:
        """Yields the one document in ``path``.

        Raises:
            ReadError: the file is no PDF, cut off, broken, protected, a scan, or beyond the caps.
            MissingDependencyError: pypdfium2 is not installed.
        """
        from plait.readers.pdf_document import document_of

        data = read_bytes(path, self.config.max_megabytes)
        _check(data, path)
        source = source_of(path, data, "pdf")
        del data
        pages = _read_pages(path, self.config)
        if not any(page.fragments for page in pages.pages):
            raise ReadError(
                f"its {len(pages.pages)} pages hold no text",
                where=str(path),
                fix="if it is a scan, run text recognition (for example ocrmypdf) and index the result",
            )
        yield document_of(pages, path, source, report)


def _check(data: bytes, path: Path) -> None:
    """PDFium repairs what it can and would read the rest of a file that was cut off as if it were whole."""
    if b"%PDF-" not in data[:1024]:
        raise ReadError(
            "this is not a PDF: it does not begin with %PDF-", where=str(path), fix="rename it, or fetch it again"
        )
    end = len(data)
    while end and not (kept := data[max(0, end - 2048) : end].rstrip(_PADDING)):
        end = max(0, end - 2048)  # padding may be long: looked at in pieces, never copied whole
    end = max(0, end - 2048) + len(kept) if end else 0
    if b"%%EOF" not in data[max(0, end - 2048) : end]:
        raise ReadError(
            "the PDF is cut off: its end mark %%EOF is missing",
            where=str(path),
            fix="fetch it again, or open and save it with a PDF viewer",
        )


def _read_pages(path: Path, config: Config) -> PdfPages:
    """Every page of ``path``, or an error: never a part of the document passed off as the whole.

    Raises:
        ReadError: the file is broken, protected, too large in some way, or the worker crashed or ran out of time; the
            message says how many pages had been read by then.
        MissingDependencyError: pypdfium2 is not installed.
    """
    from plait.readers.pdf_lines import Fragment, PdfPage, PdfPages

    command = [
        sys.executable,
        "-P",  # neither the working directory nor this folder may shadow a module
        str(_WORKER),
        str(path.absolute()),
        str(config.memory_mb),
        str(int(config.timeout_seconds) + 1),
        str(config.max_pages),
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

        clock = threading.Timer(config.timeout_seconds, stop)
        clock.start()
        result = PdfPages()
        expected = -1
        try:
            if process.stdout is None:
                raise RuntimeError("the worker was started without a pipe")
            for message in _messages(process.stdout, config.max_output_megabytes * 1_000_000, path):
                if "error" in message:
                    cause, fix = _FIXES[message["error"]]
                    raise ReadError(f"{cause} ({message['message']})", where=str(path), fix=fix)
                if "done" in message:
                    expected = message["done"]
                elif "pages" in message:
                    result.metadata = {str(key): str(value) for key, value in message["metadata"].items()}
                else:
                    fragments = tuple(Fragment(*values) for values in message.pop("fragments"))
                    result.pages.append(PdfPage(number=message.pop("page"), fragments=fragments, **message))
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
            raise _stopped(path, process.returncode, late.is_set(), config.timeout_seconds, len(result.pages), said)
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
