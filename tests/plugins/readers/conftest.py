"""A small writer of PDF files, so that layouts and attacks can be made to measure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from plait.contracts import Document, Reader, ReadReport

Placed = tuple[float, float, float, bool, str]
"""x, y, size, bold, text"""


def pdf_bytes(
    pages: Sequence[Sequence[Placed]],
    *,
    size: tuple[float, float] = (612, 792),
    title: str = "",
    streams: Sequence[bytes] | None = None,
) -> bytes:
    """A PDF of ``pages`` in Helvetica; ``streams`` (already compressed) stand in for the pages' own contents."""
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    catalogue, tree, regular, bold = 1, 2, 3, 4
    objects += [b"", b""]
    add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>")
    kids = []
    for number, page in enumerate(pages):
        if streams is None:
            content = zlib.compress("\n".join(_show(*item) for item in page).encode("cp1252"))
        else:
            content = streams[number]
        stream = add(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(content), content))
        kids.append(
            add(
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R "
                b"/Resources << /Font << /F1 %d 0 R /F2 %d 0 R >> >> >>" % (*size, stream, regular, bold)
            )
        )
    info = add(b"<< /Title (%s) >>" % title.encode("cp1252"))
    objects[catalogue - 1] = b"<< /Type /Catalog /Pages 2 0 R >>"
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[tree - 1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids))
    out = bytearray(b"%PDF-1.5\n")
    offsets = []
    for index, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (index, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        info,
        start,
    )
    return bytes(out)


def _show(x: float, y: float, size: float, bold: bool, text: str) -> str:
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F{2 if bold else 1} {size} Tf 1 0 0 1 {x} {y} Tm ({escaped}) Tj ET"


def column(
    lines: Sequence[str], x: float = 72, top: float = 700, size: float = 10, leading: float = 12
) -> list[Placed]:
    """Lines of running text below each other."""
    return [(x, top - index * leading, size, False, line) for index, line in enumerate(lines)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a file and returns its path."""

    def writer(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return writer


def read_one(reader: Reader, path: Path, report: ReadReport | None = None) -> Document:
    """The only document in ``path``."""
    (document,) = reader.read(path, ReadReport() if report is None else report)
    return document


@pytest.fixture(name="read_one")
def _read_one() -> Callable[..., Document]:
    return read_one


@pytest.fixture(name="pdf_bytes")
def _pdf_bytes() -> Callable[..., bytes]:
    return pdf_bytes


@pytest.fixture(name="column")
def _column() -> Callable[..., list[Placed]]:
    return column
