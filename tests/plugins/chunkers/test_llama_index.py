"""LlamaIndex node parsers cut documents, and every node is found again in the text."""

from __future__ import annotations

import pytest

from plait.chunkers.llama_index import Config, LlamaIndexChunker
from plait.contracts import Chunker, Document, Section, Text
from plait.contracts.errors import ConfigError, DocumentError

pytest.importorskip("llama_index.core")

TEXT = " ".join(f"Sentence number {i} speaks of braids, of strands and of knots." for i in range(60))
PAPER = Document("d", "On braids", (Section("Intro", (Text(TEXT),)), Section("End", (Text("Nothing follows."),))))


def test_nodes_become_exact_passages_that_cover_the_document() -> None:
    chunker = LlamaIndexChunker(Config(arguments={"chunk_size": 128, "chunk_overlap": 16}))
    assert isinstance(chunker, Chunker)
    passages = chunker.chunk(PAPER)
    assert len(passages) > 3
    position = 0
    for ordinal, passage in enumerate(passages):
        assert passage.id == f"d#{ordinal}"
        assert passage.text == PAPER.text[passage.start : passage.end]
        assert not PAPER.text[position : passage.start].strip()
        position = passage.end
    assert position == len(PAPER.text)
    assert any(passage.context == "On braids > Intro" for passage in passages)


def test_repeated_text_is_mapped_to_successive_places() -> None:
    paper = Document("d", "", (Section("", (Text("The same words again. " * 200),)),))
    passages = LlamaIndexChunker(Config(arguments={"chunk_size": 64, "chunk_overlap": 0})).chunk(paper)
    assert len({passage.start for passage in passages}) == len(passages)


def test_a_document_without_text_has_no_passages() -> None:
    assert LlamaIndexChunker().chunk(Document("d", "", ())) == []


def test_an_unknown_parser_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no node parser 'Sentenze'.*SentenceSplitter"):
        LlamaIndexChunker(Config(parser="Sentenze"))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match="does not take these arguments"):
        LlamaIndexChunker(Config(arguments={"chunk_size": -5}))


def test_a_parser_that_rewrites_text_is_refused() -> None:
    paper = Document("d", "", (Section("", (Text('{"braid": {"strands": "three"}}'),)),))
    with pytest.raises(DocumentError, match=r"document 'd': JSONNodeParser (left out|made the node)"):
        LlamaIndexChunker(Config(parser="JSONNodeParser")).chunk(paper)
