"""Checks a reader against :class:`plait.contracts.Reader`."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from plait.contracts import Document, Reader, ReadReport
from plait.contracts.errors import ReadError

__all__ = ["ReaderConformance"]


class ReaderConformance:
    """Override :meth:`reader` and :meth:`path`."""

    @pytest.fixture
    def reader(self) -> Reader:
        """The reader to check."""
        raise NotImplementedError("override the fixture 'reader' in your subclass")

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """A file, or a folder that is one unit, which the reader reads; in ``tmp_path``, where it may be damaged."""
        raise NotImplementedError(f"override the fixture 'path' in your subclass: write a file to {tmp_path}")

    def test_satisfies_the_protocol(self, reader: Reader) -> None:
        assert isinstance(reader, Reader)

    def test_accepts_its_own_kind_and_no_other(self, reader: Reader, path: Path, tmp_path: Path) -> None:
        foreign = tmp_path / "foreign.xyz"
        foreign.write_bytes(bytes(range(256)))
        assert reader.accepts(path)
        assert not reader.accepts(foreign)

    def test_yields_documents_with_text_and_distinct_ids(self, reader: Reader, path: Path) -> None:
        documents = _read(reader, path)
        assert documents, "no document was read"
        ids = [document.id for document in documents]
        assert all(ids), "an id is empty"
        assert len(set(ids)) == len(ids), f"an id comes twice: {ids}"
        assert all(document.text.strip() for document in documents)

    def test_places_every_block_where_its_text_is(self, reader: Reader, path: Path) -> None:
        for document in _read(reader, path):
            for placed in document.placed():
                assert document.text[placed.start : placed.end] == placed.block.text

    def test_says_where_each_document_came_from(self, reader: Reader, path: Path) -> None:
        for document in _read(reader, path):
            assert document.source is not None
            assert document.source.reader
            assert len(document.source.sha256) == 64
            if path.is_file():
                assert document.source.sha256 == sha256(path.read_bytes()).hexdigest()

    def test_its_metadata_are_json_values(self, reader: Reader, path: Path) -> None:
        for document in _read(reader, path):
            assert json.loads(json.dumps(document.metadata)) == document.metadata

    def test_reads_the_same_file_the_same_way(self, reader: Reader, path: Path) -> None:
        assert _read(reader, path) == _read(reader, path)

    def test_a_missing_file_is_a_read_error_that_names_it(self, reader: Reader, path: Path) -> None:
        gone = path.with_name(f"gone{path.suffix}")
        with pytest.raises(ReadError, match="gone"):
            _read(reader, gone)

    @pytest.mark.parametrize("damage", ["empty", "half", "zeros", "latin-1", "reversed"])
    def test_a_damaged_file_is_reported_or_raises_a_read_error(self, reader: Reader, path: Path, damage: str) -> None:
        """Whatever a file holds, only ReadError may come out, and what is yielded must be whole."""
        for file in [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file()):
            content = file.read_bytes()
            damaged = {
                "empty": b"",
                "half": content[: len(content) // 2],
                "zeros": bytes(len(content)),
                "latin-1": content + "\nfünf".encode("latin-1"),
                "reversed": content[::-1],
            }
            file.write_bytes(damaged[damage])
        report = ReadReport()
        try:
            documents = list(reader.read(path, report))
        except ReadError as error:
            assert path.name in str(error), f"the error does not name the file: {error}"
            return
        assert all(document.id for document in documents)


def _read(reader: Reader, path: Path) -> list[Document]:
    return list(reader.read(path, ReadReport()))
