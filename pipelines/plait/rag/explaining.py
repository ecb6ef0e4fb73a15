"""Why each hit was found: its score by text, by structure and by both, its ranks, and the edges that carried it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Hit, IndexView, Query
from plait.contracts.errors import ConfigError
from plait.fusion.vectors.fused_leg import FusedLeg
from plait.rag.parts import Parts
from plait.rag.retrieval import Retrieval
from plait.retrievers.carrying import CarryingEdge, carrying_edges
from plait.retrievers.dense import Dense
from plait.retrievers.docgraph import MODEL, DocGraph
from plait.retrievers.document_vectors import best_passages
from plait.retrievers.query_adapter import adapted

__all__ = ["ExplainedHit", "Explanation", "explain_hits"]


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
        hits: best first.
    """

    query: Query
    commit: int
    trained: bool
    hits: tuple[ExplainedHit, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        hits = [hit.to_json() for hit in self.hits]
        return {"query": self.query.text, "commit": self.commit, "trained": self.trained, "hits": hits}


def explain_hits(parts: Parts, retrieval: Retrieval, edges: int = 3) -> Explanation:
    """Explains what a retrieval found.

    Args:
        parts: the pipeline's components.
        retrieval: what they found.
        edges: most edges shown for each hit.

    Raises:
        ConfigError: the pipeline has neither text vectors nor a document graph, so that only ranks could be shown.
    """
    retrievers = list(parts.retrievers.values())
    walker = next((r for r in retrievers if isinstance(r, DocGraph)), None)
    dense = next((r for r in retrievers if isinstance(r, Dense)), None)
    if dense is None:
        raise ConfigError(
            "the pipeline has no text vectors to explain hits by",
            choices=list(parts.retrievers),
            fix="add use('dense') to its retrievers; 'plait search --explain' shows the ranks",
        )
    view, query = retrieval.view, retrieval.query
    vector = dense.embedder.embed_queries([query.text])[0]
    text = np.vecdot(view.vectors(dense.config.column), adapted(view, dense, vector))  # (rows,)
    fusion, fused = parts.fusion, None
    if isinstance(fusion, FusedLeg):
        own = vector if fusion.embedder is dense.embedder else fusion.embedder.embed_queries([query.text])[0]
        fused = np.vecdot(view.vectors(fusion.config.column), adapted(view, fusion, own))
    elif (column := getattr(getattr(fusion, "config", None), "column", None)) is not None:
        fused = np.vecdot(view.vectors(str(column)), vector)
    by_document, _ = best_passages(text, view.document_numbers, len(view.document_ids))
    explained = tuple(
        ExplainedHit(
            hit,
            view.title(hit.document_id),
            float(text[hit.row]),
            None if walker is None else float(np.vecdot(view.vectors(walker.config.column)[hit.row], vector)),
            None if fused is None else float(fused[hit.row]),
            walker is not None and bool(view.values(f"{walker.config.column}.tied")[hit.row]),
            () if walker is None else tuple(_edges(walker, view, hit, by_document, edges)),
        )
        for hit in retrieval.fused
    )
    folder = None if walker is None else view.model(MODEL)
    trained = folder is not None and (folder / "encoder.json").is_file()
    return Explanation(query, view.commit, trained, explained)


def _edges(walker: DocGraph, view: IndexView, hit: Hit, text: NDArray[np.float32], most: int) -> Sequence[CarryingEdge]:
    relations = dict.fromkeys((*walker.config.relations, "cites", "cited_by", "co_author"))
    graph = walker.graph(view)
    return carrying_edges(graph, tuple(relations), int(view.document_numbers[hit.row]), text, most)
