"""Checks a chunker against :class:`plait.contracts.Chunker`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from plait.contracts import Chunker, Document, Section, Text
from plait.testing.samples import sample_documents

__all__ = ["ChunkerConformance"]


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
