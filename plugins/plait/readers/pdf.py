"""PDF files, parsed by PDFium in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from plait.config import Settings
from plait.contracts import Document, ReadReport
from plait.contracts.errors import ReadError
from plait.readers.files import read_bytes, source_of

__all__ = ["Config", "PdfReader"]

_PADDING = b"\0\t\n\f\r "


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
        from plait.readers.pdf_process import read_pages

        data = read_bytes(path, self.config.max_megabytes)
        _check(data, path)
        source = source_of(path, data, "pdf")
        del data
        pages = read_pages(
            path,
            timeout_seconds=self.config.timeout_seconds,
            memory_mb=self.config.memory_mb,
            max_pages=self.config.max_pages,
            max_output_megabytes=self.config.max_output_megabytes,
        )
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
