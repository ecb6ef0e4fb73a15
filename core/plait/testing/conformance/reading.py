"""Checks what brings documents in: readers, chunkers and embedders, against their contracts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from plait.contracts import (
    Chunker,
    Document,
    Embedder,
    FittingChunker,
    Reader,
    ReadReport,
    Section,
    Text,
    TokenCounting,
)
from plait.contracts.errors import ReadError
from plait.testing.conformance.checks import check_json, check_unit_vectors
from plait.testing.samples import LetterEmbedder, sample_documents

__all__ = ["ChunkerConformance", "EmbedderConformance", "ReaderConformance"]


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


class ChunkerConformance:
    """Override :meth:`chunker`; override :meth:`documents` to add cases of your own."""

    @pytest.fixture
    def chunker(self) -> Chunker:
        """The chunker to check."""
        raise NotImplementedError("override the fixture 'chunker' in your subclass")

    @pytest.fixture
    def documents(self) -> Sequence[Document]:
        """Documents to cut; long blocks, unbroken words and other alphabets among them."""
        prose = " ".join(f"Sentence {number} says something about retrieval." for number in range(400))
        odd = (Text(prose), Text("x" * 5_000), Text("文書検索。" * 300), Text("tail"))
        return (*sample_documents(), Document("long", "A long one", (Section("Body", odd),)))

    def test_satisfies_the_protocol(self, chunker: Chunker) -> None:
        assert isinstance(chunker, Chunker)

    def test_a_passage_is_exactly_its_span(self, chunker: Chunker, documents: Sequence[Document]) -> None:
        for document in documents:
            for passage in chunker.chunk(document):
                assert passage.document_id == document.id
                assert passage.text == document.text[passage.start : passage.end]
                assert passage.text.strip(), "a passage is blank"

    def test_passages_are_numbered_in_reading_order(self, chunker: Chunker, documents: Sequence[Document]) -> None:
        for document in documents:
            passages = chunker.chunk(document)
            assert [passage.ordinal for passage in passages] == list(range(len(passages)))
            assert [passage.id for passage in passages] == [f"{document.id}#{n}" for n in range(len(passages))]
            assert [passage.start for passage in passages] == sorted(passage.start for passage in passages)

    def test_passages_leave_no_text_out(self, chunker: Chunker, documents: Sequence[Document]) -> None:
        for document in documents:
            covered = bytearray(len(document.text))
            for passage in chunker.chunk(document):
                covered[passage.start : passage.end] = b"\x01" * (passage.end - passage.start)
            for placed in document.placed():
                left = [
                    document.text[position]
                    for position in range(placed.start, placed.end)
                    if not covered[position] and not document.text[position].isspace()
                ]
                assert not left, f"{document.id}: {len(left)} characters of a block are in no passage: {left[:40]}"

    def test_a_document_without_text_has_no_passages(self, chunker: Chunker) -> None:
        assert not chunker.chunk(Document("empty", "", ()))

    def test_cuts_the_same_document_the_same_way(self, chunker: Chunker, documents: Sequence[Document]) -> None:
        for document in documents:
            assert list(chunker.chunk(document)) == list(chunker.chunk(document))

    def test_its_passages_are_what_an_embedder_reads(self, chunker: Chunker) -> None:
        """Of a :class:`plait.contracts.FittingChunker`, on prose, which can be cut anywhere."""
        if not isinstance(chunker, FittingChunker):
            pytest.skip("it does not ask what embedders read")
        prose = " ".join(f"Sentence {number} says a little about retrieval." for number in range(300))
        document = Document("long", "A long one", (Section("Body of text", (Text(prose),)),))
        few, many = LetterEmbedder(max_tokens=40), LetterEmbedder(max_tokens=90)
        for embedders in ([few], [many, few]):
            passages = chunker.fitted(embedders).chunk(document)
            read = few.coverage([passage.embedding_text for passage in passages])
            assert (read.windowed, read.unread) == (0, 0), "a passage is longer than an embedder reads"
            assert read.tokens > 20 * len(passages), "the passages are much shorter than they need to be"
        assert chunker.fitted([]).chunk(document), "without embedders it cuts nothing"


TEXTS = (
    "BM25 weighs a term by how often it occurs.",
    "Ein Satz auf Deutsch, und ein Faden: 🧵",
    "short",
    "Citations link documents; a graph network mixes each vector with its neighbours'. " * 3,
)


class EmbedderConformance:
    """Override :meth:`embedder`."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        """The embedder to check."""
        raise NotImplementedError("override the fixture 'embedder' in your subclass")

    def test_satisfies_the_protocol(self, embedder: Embedder) -> None:
        assert isinstance(embedder, Embedder)

    def test_its_fingerprint_is_json_and_stays_the_same(self, embedder: Embedder) -> None:
        check_json(embedder.fingerprint())
        assert embedder.fingerprint() == embedder.fingerprint()

    def test_its_vectors_have_length_1(self, embedder: Embedder) -> None:
        check_unit_vectors(embedder.embed_passages(TEXTS), len(TEXTS), embedder.dimension)
        check_unit_vectors(embedder.embed_queries(TEXTS), len(TEXTS), embedder.dimension)

    def test_no_texts_give_no_vectors(self, embedder: Embedder) -> None:
        assert embedder.embed_passages(()).shape == (0, embedder.dimension)
        assert embedder.embed_queries(()).shape == (0, embedder.dimension)

    def test_a_text_has_the_same_vector_in_any_company(self, embedder: Embedder) -> None:
        """Sorting by length and padding must neither mix rows up nor change what they mean."""
        together = embedder.embed_passages(TEXTS)
        for row, text in enumerate(TEXTS):
            alone = embedder.embed_passages([text])[0]
            assert alone @ together[row] > 0.999, f"row {row}"

    def test_different_texts_have_different_vectors(self, embedder: Embedder) -> None:
        vectors = embedder.embed_passages(TEXTS)
        cosines = vectors @ vectors.T  # (4, 4)
        assert (cosines[~np.eye(len(TEXTS), dtype=bool)] < 0.999).all()

    def test_the_same_texts_have_the_same_vectors(self, embedder: Embedder) -> None:
        np.testing.assert_allclose(embedder.embed_queries(TEXTS), embedder.embed_queries(TEXTS), atol=1e-5)

    @pytest.mark.parametrize("text", ["", " \n", "word " * 5_000], ids=["empty", "blank", "long"])
    def test_odd_texts_have_vectors_too(self, embedder: Embedder, text: str) -> None:
        check_unit_vectors(embedder.embed_passages([text]), 1, embedder.dimension)

    def test_it_counts_the_tokens_of_a_text_where_they_start(self, embedder: Embedder) -> None:
        """Of a :class:`plait.contracts.TokenCounting`: passages are cut by these places."""
        if not isinstance(embedder, TokenCounting):
            pytest.skip("it does not tell how much it reads")
        assert 0 < embedder.passage_tokens() <= embedder.max_tokens
        for text, starts in zip(TEXTS, embedder.token_starts(TEXTS), strict=True):
            places = [int(start) for start in starts]
            assert places and places == sorted(places)
            assert places[0] >= 0 and places[-1] < len(text)
            assert embedder.coverage([text]).tokens == pytest.approx(len(places), abs=1)
        assert len(embedder.token_starts([""])[0]) == 0

    def test_what_it_says_it_reads_is_in_the_vector(self, embedder: Embedder) -> None:
        """Of a :class:`plait.contracts.TokenCounting`: no token may get lost without a word."""
        if not isinstance(embedder, TokenCounting):
            pytest.skip("it does not tell how much it reads")
        short, long = "word " * (embedder.passage_tokens() // 4), "word " * (3 * embedder.max_tokens)
        assert embedder.coverage([short, short]).windowed == 0
        read = embedder.coverage([long, short])
        assert read.windowed == 1 or read.unread
        assert read.tokens >= 3 * embedder.max_tokens
        ends = embedder.embed_passages([f"{long} retrieval", f"{long} braids"])
        assert read.unread or not np.array_equal(ends[0], ends[1]), "the end of a long text changes nothing"
