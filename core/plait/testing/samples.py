"""Small documents with everything a plugin may meet, from tables to metadata and links; what cuts and encodes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Block, Coverage, Document, Equation, Figure, Passage, Reference, Section, Table, Text

__all__ = ["BlockChunker", "LetterEmbedder", "sample_documents"]

_TOKEN = re.compile(r"\w+|[^\w\s]")


def sample_documents() -> tuple[Document, ...]:
    """Six documents about retrieval, in fixed order: the same every time.

    Example:
        >>> [document.id for document in sample_documents()]
        ['bm25', 'dense', 'rrf', 'gnn', 'stub', 'späte']
    """
    return (
        Document(
            "bm25",
            "The probabilistic relevance framework",
            (
                Section(
                    "Abstract",
                    (Text("BM25 weighs a term by how often it occurs and how rare it is in the collection."),),
                    role="abstract",
                ),
                Section(
                    "Saturation",
                    (
                        Text("Term frequency saturates: the tenth occurrence adds less than the first."),
                        Equation(r"\frac{f (k_1 + 1)}{f + k_1 (1 - b + b \ell)}"),
                    ),
                ),
            ),
            {"authors": ["Stephen Robertson", "Hugo Zaragoza"], "year": 2009, "topics": ["lexical", "ranking"]},
        ),
        Document(
            "dense",
            "Dense passage retrieval",
            (
                Section("Abstract", (Text("Two encoders map questions and passages to vectors."),), role="abstract"),
                Section(
                    "Training",
                    (
                        Text("Negatives come from the other questions of the batch."),
                        Table(("negatives", "top-20"), (("random", "64.3"), ("in-batch", "78.4")), "Accuracy"),
                    ),
                ),
                Section("Negatives", (Text("A hard negative is ranked high by BM25 and holds no answer."),), level=2),
            ),
            {"authors": ["Vladimir Karpukhin"], "year": 2020, "topics": ["dense", "training"]},
            (Reference(identifiers={"id": "bm25"}),),
        ),
        Document(
            "rrf",
            "Reciprocal rank fusion",
            (Section("", (Text("Each list gives a document one over a constant plus its rank."),)),),
            {"authors": ["Gordon Cormack"], "year": 2009, "topics": ["fusion", "ranking"]},
        ),
        Document(
            "gnn",
            "Graphs of documents",
            (
                Section(
                    "Links",
                    (
                        Text("Citations link documents; a graph network mixes each vector with its neighbours'."),
                        Figure("graph.png", "Three papers and their citations", content="A cites B"),
                    ),
                ),
            ),
            {"year": 2023, "topics": ["structure"]},
            (Reference(identifiers={"id": "dense"}), Reference("Unknown, 1990")),
        ),
        Document("stub", "A note without metadata", (Section("", (Text("Short."),)),)),
        Document(
            "späte",
            "Späte Interaktion — naïve „late“ interaction 🧵",
            (Section("Überblick", (Text("Jedes Wort der Frage sucht sich sein nächstes Wort im Text: ∑ max."),)),),
            {"year": 2021, "venue": "Kolloquium", "topics": ["dense"]},
        ),
    )


class BlockChunker:
    """One passage per block: enough to test a retriever without choosing a real chunker.

    Example:
        >>> from plait.contracts import Section, Text
        >>> paper = Document("a", "On braids", (Section("Intro", (Text("Three strands."), Text("And a knot."))),))
        >>> [(passage.id, passage.text, passage.context) for passage in BlockChunker().chunk(paper)]
        [('a#0', 'Three strands.', 'On braids > Intro'), ('a#1', 'And a knot.', 'On braids > Intro')]
    """

    def chunk(self, document: Document) -> list[Passage]:
        """The blocks of ``document`` as passages, in reading order."""
        passages: list[Passage] = []
        for placed in document.placed():
            context = " > ".join(part for part in (document.title, *placed.path) if part)
            text = document.text[placed.start : placed.end]
            ordinal = len(passages)
            passages.append(
                Passage(
                    f"{document.id}#{ordinal}",
                    document.id,
                    ordinal,
                    placed.start,
                    placed.end,
                    text,
                    context,
                    _kind(placed.block),
                )
            )
        return passages


class LetterEmbedder:
    """Counts letters: an embedder without a model, which reads few tokens at once. A token is a word or a mark.

    Args:
        max_tokens: that it reads at once; one of them stands before every text.
        windows: whether it reads what is longer in windows, or leaves it out and says so.

    Example:
        >>> embedder = LetterEmbedder(max_tokens=3)
        >>> embedder.token_starts(["Three strands, one braid."])[0].tolist()
        [0, 6, 13, 15, 19, 24]
        >>> embedder.coverage(["Three strands, one braid.", "A knot"])
        Coverage(tokens=8, windowed=1, unread=0)
    """

    dimension = 64

    def __init__(self, max_tokens: int = 64, *, windows: bool = True) -> None:
        self.max_tokens = max_tokens
        self._windows = windows

    def fingerprint(self) -> Mapping[str, Any]:
        """What decides its vectors."""
        return {"model": "letters", "max_tokens": self.max_tokens, "windows": self._windows}

    def passage_tokens(self) -> int:
        """All tokens but the one before the text."""
        return self.max_tokens - 1

    def token_starts(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Where words and marks start."""
        return [np.array([found.start() for found in _TOKEN.finditer(text)], dtype=np.int64) for text in texts]

    def coverage(self, texts: Sequence[str]) -> Coverage:
        """All that it reads; without windows the rest of a long text is unread."""
        counts = [len(starts) for starts in self.token_starts(texts)]
        over = [count - self.passage_tokens() for count in counts if count > self.passage_tokens()]
        return Coverage(sum(counts), len(over), 0) if self._windows else Coverage(sum(counts), 0, sum(over))

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """How often each letter comes, scaled to length 1."""
        vectors = np.full((len(texts), self.dimension), 0.1, dtype=np.float32)
        for row, (text, starts) in enumerate(zip(texts, self.token_starts(texts), strict=True)):
            whole = self._windows or len(starts) <= self.passage_tokens()
            for character in text if whole else text[: starts[self.passage_tokens()]]:
                vectors[row, ord(character) % self.dimension] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    embed_queries = embed_passages


def _kind(block: Block) -> Literal["text", "table", "figure", "equation"]:
    match block:
        case Table():
            return "table"
        case Figure():
            return "figure"
        case Equation():
            return "equation"
        case _:
            return "text"
