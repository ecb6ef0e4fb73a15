"""Passages, spans and hits: what is indexed, cited and found; what cuts documents into passages and embeds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from plait.contracts.document import Document

__all__ = [
    "Chunker",
    "Embedder",
    "Hit",
    "Passage",
    "Span",
    "Strand",
]


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` (end excluded) of a document's canonical text."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    r"""A piece of one document: always exactly ``document.text[start:end]``.

    ``context`` (the title and the headings above) helps an encoder place the passage; it is not evidence.

    Example:
        >>> p = Passage("a#0", "a", 0, 23, 37, "Three strands.", context="On braids > Intro")
        >>> p.embedding_text
        'On braids > Intro\nThree strands.'
    """

    id: str
    document_id: str
    ordinal: int
    start: int
    end: int
    text: str
    context: str = ""
    kind: Literal["text", "table", "figure", "equation"] = "text"

    @property
    def span(self) -> Span:
        """The characters of the document that this passage is."""
        return Span(self.document_id, self.start, self.end)

    @property
    def embedding_text(self) -> str:
        """What an encoder or a term index reads: context, then text."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class Strand:
    """What one retriever gave to a hit: its rank there (from 1), its raw score, its share of the fused score.

    ``share`` is an addend: the shares of a hit sum to the score that the fusion gave it. With ``of_document`` the
    retriever did not find the passage but others of its document: rank and score are those of the best of them.
    """

    retriever: str
    rank: int
    score: float
    share: float
    of_document: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A found passage. ``strands`` explain the score.

    ``row`` is its row in the index view that found it, and in no other; ``passage_id`` holds everywhere.
    """

    passage_id: str
    document_id: str
    score: float
    row: int
    strands: tuple[Strand, ...] = ()


@runtime_checkable
class Chunker(Protocol):
    """Cuts one document into passages along its sections."""

    def chunk(self, document: Document) -> Sequence[Passage]:
        """The passages of ``document`` in reading order.

        Each passage is exactly ``document.text[start:end]``, its id is ``f"{document.id}#{ordinal}"``, and
        passages do not leave out text: together they cover every placed block. A document that has none (a title
        alone) is one passage: its text.
        """
        ...


@runtime_checkable
class Embedder(Protocol):
    """A text encoder. All vectors are float32, finite and of length 1."""

    @property
    def dimension(self) -> int:
        """Width of the vectors."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """What makes two embedders interchangeable: model, weights hash, pooling, prefixes, dtype, ... (JSON)."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of passages, shape (len(texts), dimension)."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of queries, shape (len(texts), dimension)."""
        ...
