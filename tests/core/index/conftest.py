"""Small real documents, passages and columns to fill indexes with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.contracts import Column, ColumnValues, Document, Passage, Section, Source, Text
from plait.index import Index, Writer

DIMENSION = 8
VECTOR = Column("dense.vector", "vector", DIMENSION)
TERMS = Column("lexical.terms", "sparse")
COLUMNS = (VECTOR, TERMS)


class Corpus:
    """Makes documents of a few sentences, one passage a sentence, and values that depend on the text alone."""

    def document(self, name: str, *sentences: str, uri: str | None = None, **metadata: Any) -> Document:
        """A document with one section of one paragraph a sentence."""
        texts = sentences or (f"First sentence of {name}.", f"Second sentence of {name}, about braids.")
        source = Source(uri or f"/corpus/{name}.md", hashlib.sha256(repr(texts).encode()).hexdigest(), "markdown")
        sections = (Section("Body", tuple(Text(text) for text in texts)),)
        return Document(name, f"On {name}", sections, metadata, source=source)

    def passages(self, documents: Sequence[Document]) -> list[Passage]:
        """One passage for each paragraph."""
        return [
            Passage(f"{document.id}#{n}", document.id, n, block.start, block.end, block.block.text, document.title)
            for document in documents
            for n, block in enumerate(document.placed())
        ]

    def vector(self, text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        """A unit vector that depends on the text alone."""
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).normal(size=DIMENSION)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def terms(self, text: str) -> dict[str, float]:
        """Words with their counts."""
        words = text.lower().rstrip(".").split()
        return {word: float(words.count(word)) for word in words}

    def columns(self, passages: Sequence[Passage]) -> dict[str, ColumnValues]:
        """Values for both columns."""
        vectors = np.array([self.vector(p.text) for p in passages], dtype=np.float32).reshape(-1, DIMENSION)
        return {VECTOR.name: vectors, TERMS.name: [self.terms(p.text) for p in passages]}

    def put(self, writer: Writer, *documents: Document) -> None:
        """Puts documents with their passages and values."""
        passages = self.passages(documents)
        writer.put(documents, passages, self.columns(passages))


@pytest.fixture
def corpus() -> Corpus:
    return Corpus()


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index.create(tmp_path / "papers.plait")


@pytest.fixture
def filled(index: Index, corpus: Corpus) -> Index:
    """Commit 1: documents a, b and c."""
    with index.writer() as writer:
        writer.declare(COLUMNS)
        corpus.put(writer, *(corpus.document(name, year=2020 + n) for n, name in enumerate("abc")))
        writer.commit("three documents", identity={"dense": {"model": "hash"}})
    return index
