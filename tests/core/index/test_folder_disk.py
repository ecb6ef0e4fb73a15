"""A disk that is full or read-only: a clear error, and the last commit stays whole."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plait.contracts.errors import IndexStoreError, IndexWriteError
from plait.index import Index

BIG = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(400_000))
"""1.2 MB that compresses badly."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root; the file size limit below is tested without")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def _copy(filled: Index, place: Path) -> Index:
    shutil.copytree(filled.path, place / "papers.plait")
    return Index.open(place / "papers.plait")


def _whole(index: Index) -> None:
    again = Index.open(index.path)
    assert again.commit.number == 1
    assert again.view().document_ids == ["a", "b", "c"]
    assert again.check() == []


def test_a_full_disk_names_the_folder_and_the_fix(filled: Index, disk: Path, corpus: Any) -> None:
    index = _copy(filled, disk)
    with (
        pytest.raises(IndexWriteError, match=r"papers\.plait: cannot be written: No space left.*free some space"),
        index.writer() as writer,
    ):
        for n in range(10):
            corpus.put(writer, corpus.document(f"big{n}", BIG))
            writer.commit(f"big{n}")
    number = index.commit.number
    assert 1 <= number < 11
    assert index.check() == []
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    with index.writer() as writer:
        for n in range(10):
            corpus.put(writer, corpus.document(f"big{n}", BIG))
        writer.commit("with room")
    assert len(index.view().document_ids) == 13
    assert index.check() == []


def test_a_disk_that_fills_up_while_the_commit_is_published(filled: Index, disk: Path, corpus: Any) -> None:
    index = _copy(filled, disk)
    with pytest.raises(IndexWriteError, match="No space left"), index.writer() as writer:
        free = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(b"x" * free)
        writer.commit("nothing but a new message")
    _whole(index)


def test_a_read_only_disk_can_be_read_but_not_written(filled: Index, disk: Path, corpus: Any) -> None:
    index = _copy(filled, disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    index = Index.open(index.path)
    assert len(index.view().vectors("dense.vector")) == 6
    assert index.check() == []
    for attempt in (lambda: index.writer(timeout=0).__enter__(), lambda: index.rollback(0), index.optimize):
        with pytest.raises(IndexWriteError, match=r"papers\.plait: cannot be written: Read-only.*choose a folder"):
            attempt()
    with pytest.raises(IndexWriteError, match="Read-only"):
        Index.create(disk / "new.plait")
    _whole(index)


def test_a_disk_that_becomes_read_only_half_way(filled: Index, disk: Path, corpus: Any) -> None:
    index = _copy(filled, disk)
    tables = str(index.path / "tables")
    with pytest.raises(IndexWriteError, match=r"papers\.plait: cannot be written: Read-only"), index.writer() as writer:
        corpus.put(writer, corpus.document("d"))
        subprocess.run(["mount", "--bind", tables, tables], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", tables], check=True)
        try:
            writer.commit("d")
        finally:
            subprocess.run(["umount", tables], check=True)
    _whole(index)
    with index.writer() as writer:
        corpus.put(writer, corpus.document("d"))
        writer.commit("d")
    assert index.check() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="permission bits do not bind root; a read-only disk is tested above")
def test_a_folder_without_write_permission(filled: Index) -> None:
    filled.path.chmod(0o500)
    try:
        with pytest.raises(IndexWriteError, match="permission"), filled.writer(timeout=0):
            pass
    finally:
        filled.path.chmod(0o700)


def test_a_file_size_limit_stops_the_writer_and_not_the_index(filled: Index, tmp_path: Path) -> None:
    """The same as a full disk, without root: the system refuses to write past 300 kB of a file."""
    code = """
import sys
from plait.contracts import Document, Passage, Section, Text
from plait.contracts.errors import IndexWriteError
from plait.index import Index
text = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(400_000))
document = Document("d", "", (Section("", (Text(text),)),))
try:
    with Index.open(sys.argv[1]).writer() as writer:
        writer.declare([])
        writer.put([document], [Passage("d#0", "d", 0, 0, len(text), text)], {})
        writer.commit("too big")
except IndexWriteError as error:
    print(error)
"""
    out = subprocess.run(
        [sys.executable, "-c", code, str(filled.path)], capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    ).stdout  # fmt: skip
    assert "papers.plait: cannot be written: File too large" in out
    assert "ulimit -f" in out
    _whole(filled)


def test_a_writer_that_failed_is_not_used_again(filled: Index, corpus: Any) -> None:
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("d"))
        shutil.move(filled.path / "tables" / "passages.lance", filled.path / "tables" / "away.lance")
        with pytest.raises(IndexStoreError):
            writer.commit("d")
        shutil.move(filled.path / "tables" / "away.lance", filled.path / "tables" / "passages.lance")
        with pytest.raises(IndexStoreError, match="open a new writer"):
            writer.commit("d")
        with pytest.raises(IndexStoreError, match="open a new writer"):
            corpus.put(writer, corpus.document("e"))
    _whole(filled)
