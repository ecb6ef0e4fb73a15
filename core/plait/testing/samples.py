"""A handful of small documents with everything a plugin may meet: sections, a table, a figure, metadata, links."""

from __future__ import annotations

from plait.contracts import Document, Equation, Figure, Reference, Section, Table, Text

__all__ = ["sample_documents"]


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
