"""The retrievers that come with Plait. Importing this package loads neither numpy's friends nor a model."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """Declares ``dense``, ``lexical`` and ``docgraph``."""
    return [
        Component(
            "retriever",
            "dense",
            factory="plait.retrievers.dense:Dense",
            config="plait.retrievers.dense:Config",
            summary="nearest passages by cosine of their embeddings, exact by default",
            parts={"embedder": "embedder"},
        ),
        Component(
            "retriever",
            "lexical",
            factory="plait.retrievers.lexical:Lexical",
            config="plait.retrievers.lexical:Config",
            summary="BM25 over stemmed words",
        ),
        Component(
            "retriever",
            "docgraph",
            factory="plait.retrievers.docgraph:DocGraph",
            config="plait.retrievers.docgraph:Config",
            summary="structural vectors from citations and shared authors or topics, and a walk along citations",
            extra="plait[graph]",
            parts={"embedder": "embedder", "words": "retriever"},
        ),
    ]
