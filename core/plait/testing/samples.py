"""Small documents with everything a plugin may meet, from tables to metadata and links, and a chunker to cut them."""

from __future__ import annotations

from typing import Literal

from plait.contracts import Block, Document, Equation, Figure, Passage, Reference, Section, Table, Text

__all__ = ["BlockChunker", "sample_documents"]


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
