"""Finds the files under a path, pairs each with the reader that accepts it, and says what it passes over."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plait.contracts import Reader, ReadReport
from plait.contracts.errors import ReadError

__all__ = ["InputFile", "find_inputs"]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file, or a folder that one reader takes whole, and the name of that reader."""

    path: Path
    reader: str


def find_inputs(path: Path, readers: Sequence[tuple[str, Reader]], report: ReadReport) -> Iterator[InputFile]:
    """Yields what readers accept under ``path``, in sorted order.

    Hidden files, and folders that are an index, are left out. A symbolic link is followed only while it stays
    under ``path``: what it points to there is found on its own, so the link itself is counted and passed over;
    a link that leads outside is reported as a failure, and the others go on.

    Args:
        path: a file or a folder, absolute.
        readers: (name, reader) in the order in which they are asked.
        report: receives what was passed over.

    Raises:
        ReadError: ``path`` does not exist, or is a single file that no reader accepts.
    """
    if not path.exists():
        raise ReadError("there is no such file or folder", where=str(path), fix="check the path")
    reader = _reader_of(path, readers)
    if reader is not None:
        yield InputFile(path, reader)
    elif path.is_dir():
        yield from _walk(path, path.resolve(), readers, report)
    else:
        raise ReadError(
            "no reader accepts this file",
            where=str(path),
            choices=[name for name, _ in readers],
            fix="convert it, or add a reader to the pipeline's readers",
        )


def _walk(folder: Path, root: Path, readers: Sequence[tuple[str, Reader]], report: ReadReport) -> Iterator[InputFile]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        report.fail(ReadError(f"cannot list the folder ({error.strerror})", where=str(folder), fix="check permissions"))
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            report.skip(str(folder), "hidden file or folder")
        elif entry.is_symlink():
            _report_link(path, root, report)
        elif entry.is_dir() and (path / "index.json").is_file() and (path / "tables").is_dir():
            report.skip(str(path), "an index, not documents")
        elif (reader := _reader_of(path, readers)) is not None:
            yield InputFile(path, reader)
        elif entry.is_dir():
            yield from _walk(path, root, readers, report)
        else:
            report.skip(str(folder), f"no reader for {path.suffix or entry.name}")


def _report_link(path: Path, root: Path, report: ReadReport) -> None:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        report.fail(ReadError("a symbolic link that points nowhere", where=str(path), fix="remove the link"))
        return
    if target.is_relative_to(root):
        report.skip(str(path), "symbolic link to a file that is read in its own place")
    else:
        report.fail(
            ReadError(
                "a symbolic link that leads outside the corpus is not followed",
                where=str(path),
                fix="copy the file into the corpus, or add its real folder by name",
            )
        )


def _reader_of(path: Path, readers: Sequence[tuple[str, Reader]]) -> str | None:
    for name, reader in readers:
        if reader.accepts(path):
            return name
    return None
