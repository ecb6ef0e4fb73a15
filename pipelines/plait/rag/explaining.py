"""Why each hit was found: its score by text, by structure and by both, its ranks, and the edges that carried it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Hit, Query, VectorSearch
from plait.contracts.errors import ConfigError
from plait.docgraph import DocumentGraph
from plait.rag.leg_check import broken_retrievers
from plait.rag.parts import Parts
from plait.rag.retrieval import Retrieval
from plait.retrievers.document_vectors import best_passages

__all__ = ["CarryingEdge", "ExplainedHit", "Explanation", "carrying_edges", "explain_hits"]


@dataclass(frozen=True, slots=True)
class CarryingEdge:
    """One edge of a hit's document.

    Args:
        relation: seen from the hit: ``cites`` leads to a document that it cites, ``cited_by`` to one that cites it.
        document_id: the other document.
        title: its title.
        weight: of the edge: how many authors, topics or citers the two share; 1 for a citation.
        text: how well the other document's own text fits the question.
        carried: ``text`` times the edge's share of all weights in its relation: what this neighbour adds to the mean
            over neighbours that a graph encoder works with.
    """

    relation: str
    document_id: str
    title: str
    weight: float
    text: float
    carried: float


@dataclass(frozen=True, slots=True)
class ExplainedHit:
    """One hit with what stands behind it. Scores are cosines with the question.

    Args:
        hit: the hit, its strands included.
        title: of its document.
        text: by its text vector; None where the pipeline has none.
        structure: by its document's structural vector; None where the pipeline has none.
        fused: by its fused vector; None where the pipeline has none.
        has_structure: whether its document is tied to any other; where not, structure is its text.
        edges: those that carried it, strongest first.
    """

    hit: Hit
    title: str
    text: float | None
    structure: float | None
    fused: float | None
    has_structure: bool
    edges: tuple[CarryingEdge, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "passage": self.hit.passage_id,
            "document": self.hit.document_id,
            "title": self.title,
            "score": self.hit.score,
            "text": self.text,
            "structure": self.structure,
            "fused": self.fused,
            "has_structure": self.has_structure,
            "strands": [asdict(strand) for strand in self.hit.strands],
            "edges": [asdict(edge) for edge in self.edges],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """All hits of one question, explained.

    Args:
        query: the question.
        commit: the snapshot that was searched.
        trained: whether a trained graph encoder is in use there.
        earned: label -> what a run counts, where it is not 1 like the others'; 0: it was not fused.
        broken: label -> why a retriever has no say that needs not show that it helps.
        hits: best first.
    """

    query: Query
    commit: int
    trained: bool
    earned: Mapping[str, float]
    broken: Mapping[str, str]
    hits: tuple[ExplainedHit, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        hits = [hit.to_json() for hit in self.hits]
        return {
            "query": self.query.text,
            "commit": self.commit,
            "trained": self.trained,
            "earned": dict(self.earned),
            "broken": dict(self.broken),
            "hits": hits,
        }


def explain_hits(parts: Parts, retrieval: Retrieval, edges: int = 3) -> Explanation:
    """Explains what a retrieval found.

    Args:
        parts: the pipeline's components.
        retrieval: what they found.
        edges: most edges shown for each hit.

    Raises:
        ConfigError: the pipeline has neither text vectors nor a document graph, so that only ranks could be shown.
    """
    source = parts.structure_source
    text_search = next((made for made in parts.retrievers.values() if isinstance(made, VectorSearch)), None)
    if text_search is None:
        raise ConfigError(
            "the pipeline has no text vectors to explain hits by",
            choices=list(parts.retrievers),
            fix="add use('dense') to its retrievers; 'plait search --explain' shows the ranks",
        )
    view, query, fusion = retrieval.view, retrieval.query, parts.fusion
    vector = text_search.embedder.embed_queries([query.text])[0]
    text = np.vecdot(view.vectors(text_search.vector_column), text_search.adapted(vector, view))  # (rows,)
    fused = None
    if isinstance(fusion, VectorSearch):
        own = vector if fusion.embedder is text_search.embedder else fusion.embedder.embed_queries([query.text])[0]
        fused = np.vecdot(view.vectors(fusion.vector_column), fusion.adapted(own, view))
    structure, tied, graph = None, None, None
    if source is not None:
        structure, tied = view.vectors(source.structure_column), view.values(f"{source.structure_column}.tied")
        graph = source.graph(view)
    by_document, _ = best_passages(text, view.document_numbers, len(view.document_ids))
    explained = tuple(
        ExplainedHit(
            hit,
            view.title(hit.document_id),
            float(text[hit.row]),
            None if structure is None else float(np.vecdot(structure[hit.row], vector)),
            None if fused is None else float(fused[hit.row]),
            tied is not None and bool(tied[hit.row]),
            () if graph is None else carrying_edges(graph, int(view.document_numbers[hit.row]), by_document, edges),
        )
        for hit in retrieval.fused
    )
    trained = source is not None and source.trained(view)
    broken = {name: why for name, why in broken_retrievers(view).items() if name in retrieval.earned}
    return Explanation(query, view.commit, trained, retrieval.earned, broken, explained)


def carrying_edges(
    graph: DocumentGraph, document: int, text: NDArray[np.float32], most: int = 3
) -> tuple[CarryingEdge, ...]:
    """The edges of a document over which most text came that fits the question, strongest first.

    Through them its neighbours' text reached its structural vector and its rank.

    Args:
        graph: the document graph; all its relations are looked at.
        document: number of the document.
        text: how well each document's text fits the question, shape (documents,); -inf for those without text.
        most: how many edges. Of several between the same two documents each relation counts on its own.
    """
    found: list[CarryingEdge] = []
    for relation, edges in graph.relations.items():
        mine = edges.source == document
        others, weights = edges.target[mine], edges.weight[mine]
        total = float(weights.sum()) or 1.0
        for other, weight in zip(others.tolist(), weights.tolist(), strict=True):
            fits = float(text[other]) if np.isfinite(text[other]) else 0.0
            carried = fits * weight / total
            found.append(CarryingEdge(relation, graph.ids[other], graph.titles[other], weight, fits, carried))
    found.sort(key=lambda edge: (-edge.carried, edge.relation, edge.document_id))
    return tuple(found[:most])
