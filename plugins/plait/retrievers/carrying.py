"""Which edges carried a document: through whom its neighbours' text reached its structural vector and its rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plait.docgraph import DocumentGraph

__all__ = ["CarryingEdge", "carrying_edges"]


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


def carrying_edges(
    graph: DocumentGraph,
    relations: Sequence[str],
    document: int,
    text: NDArray[np.float32],
    most: int = 3,
) -> list[CarryingEdge]:
    """The edges of a document over which most text came that fits the question, strongest first.

    Args:
        graph: the document graph.
        relations: which relations to look at; those the graph lacks are passed over.
        document: number of the document.
        text: how well each document's text fits the question, shape (documents,); -inf for those without text.
        most: how many edges. Of several between the same two documents each relation counts on its own.
    """
    found: list[CarryingEdge] = []
    for relation in relations:
        if relation not in graph.relations:
            continue
        edges = graph.relations[relation]
        mine = edges.source == document
        others, weights = edges.target[mine], edges.weight[mine]
        total = float(weights.sum()) or 1.0
        for other, weight in zip(others.tolist(), weights.tolist(), strict=True):
            fits = float(text[other]) if np.isfinite(text[other]) else 0.0
            carried = fits * weight / total
            found.append(CarryingEdge(relation, graph.ids[other], graph.titles[other], weight, fits, carried))
    found.sort(key=lambda edge: (-edge.carried, edge.relation, edge.document_id))
    return found[:most]
