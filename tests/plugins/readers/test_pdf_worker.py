"""The process that parses untrusted PDF files stays within its caps, and its failures are told as they are."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plait.contracts import ReadReport
from plait.contracts.errors import ReadError
from plait.readers.pdf import Config, PdfReader

Write = Callable[[str, str | bytes], Path]
Make = Callable[..., Any]

LINES = ["Retrieval finds the passages that bear on a question, and a generator"] * 4


def refused(path: Path, match: str, **settings: Any) -> None:
    with pytest.raises(ReadError, match=match) as caught:
        list(PdfReader(Config(**settings)).read(path, ReadReport()))
    assert str(path) in str(caught.value)
    assert caught.value.fix


def test_a_pdf_whose_inside_is_broken_is_refused(write: Write) -> None:
    refused(write("broken.pdf", b"%PDF-1.4\n" + b"\x93\x01" * 500 + b"\n%%EOF\n"), "PDFium cannot read it")


def test_too_many_pages_are_refused(write: Write, pdf_bytes: Make, column: Make) -> None:
    refused(write("long.pdf", pdf_bytes([column(["word"])] * 30)), "too many pages", max_pages=20)


def test_an_enormous_page_is_refused(write: Write, pdf_bytes: Make, column: Make) -> None:
    refused(write("big.pdf", pdf_bytes([column(["word"])], size=(10_000_000, 10_000_000))), "larger than the PDF")


def bomb(megabytes: int) -> bytes:
    """A page description that unpacks to ``megabytes`` of text operators."""
    compressor = zlib.compressobj(9)
    unit = b"BT /F1 9 Tf 10 10 Td (aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj ET\n" * 13_000
    return b"".join(compressor.compress(unit) for _ in range(megabytes)) + compressor.flush()


def test_a_bomb_that_unpacks_without_end_is_stopped(write: Write, pdf_bytes: Make) -> None:
    path = write("bomb.pdf", pdf_bytes([[]], streams=[bomb(200)]))
    assert path.stat().st_size < 2_000_000
    refused(path, "memory|stopped with status|not read within|unpacks to more", timeout_seconds=20, memory_mb=400)


def test_time_runs_out_and_the_message_says_how_far_it_came(write: Write, pdf_bytes: Make, column: Make) -> None:
    path = write("slow.pdf", pdf_bytes([column(LINES * 10)] * 1_500))
    refused(path, r"not read within 0\.\d+ seconds \(\d+ pages had been read", timeout_seconds=0.6)


def test_too_much_output_is_stopped(write: Write, pdf_bytes: Make) -> None:
    letters = [(72 + 20 * x, 20 + 15 * y, 9, bool(x % 2), "a") for x in range(25) for y in range(50)]
    path = write("wordy.pdf", pdf_bytes([letters] * 30))
    refused(path, "unpacks to more than 1 MB", max_output_megabytes=1)


def test_no_worker_is_left_behind_when_reading_fails(write: Write, pdf_bytes: Make, column: Make) -> None:
    psutil = pytest.importorskip("psutil")
    refused(write("slow.pdf", pdf_bytes([column(LINES * 10)] * 1_500)), "not read within", timeout_seconds=0.6)
    children = psutil.Process().children(recursive=True)
    assert not [child for child in children if "pdf_worker" in " ".join(child.cmdline())]


def test_a_module_in_the_working_directory_is_not_imported(
    write: Write, pdf_bytes: Make, column: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("json.py", "raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    path = write("a.pdf", pdf_bytes([column(LINES)]))
    (document,) = PdfReader().read(Path(path.name), ReadReport())
    assert document.sections
