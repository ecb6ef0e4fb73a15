"""The ego graph of a document: its strongest neighbours, and the edges between them. It is what a picture shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from plait.contracts.errors import QueryError
from plait.docgraph.graph import DocumentGraph
from plait.docgraph.relations import Relation

__all__ = ["EgoGraph", "Neighbour", "Tie", "ego_graph"]

_STATED = ("cites", "same_as", "co_author")  # what documents say themselves; everything else is derived


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A document of an ego graph. ``hop`` 0 is the one it is around; ``year`` is None where unknown."""

    id: str
    title: str
    year: int | None
    hop: int
    strength: float


@dataclass(frozen=True, slots=True)
class Tie:
    """An edge between two of them: positions in :attr:`EgoGraph.documents`; an undirected one stands once."""

    source: int
    target: int
    relation: str
    weight: float
    directed: bool


@dataclass(frozen=True, slots=True)
class EgoGraph:
    """Documents, the middle one first, then by hop and strength; the edges between them; how many found no room."""

    documents: tuple[Neighbour, ...]
    ties: tuple[Tie, ...]
    omitted: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON values; ties name documents by id."""
        ids = [document.id for document in self.documents]
        return {
            "documents": [asdict(document) for document in self.documents],
            "ties": [asdict(tie) | {"source": ids[tie.source], "target": ids[tie.target]} for tie in self.ties],
            "omitted": self.omitted,
        }


def ego_graph(
    graph: DocumentGraph,
    document_id: str,
    *,
    hops: int = 1,
    limit: int = 25,
    relations: Iterable[str] | None = None,
    all_ties: bool = False,
) -> EgoGraph:
    """The strongest neighbours of a document, hop by hop.

    An edge of a relation counts its weight over the square root of the product of both ends' degrees, so that a hub's
    edges count less; a neighbour's strength is the sum over its edges to the hop before.

    Args:
        graph: where to look.
        document_id: the document in the middle.
        hops: how far to go.
        limit: most neighbours; the document itself is not counted.
        relations: which to follow; all by default. ``cited_by`` is shown as ``cites`` from the other side.
        all_ties: return every edge between the documents. Else those that lead to them, and among the neighbours
            only what documents state themselves (cites, same_as, co_author): derived relations tie nearly all
            neighbours to each other, and a picture of that shows nothing.

    Raises:
        DocumentError: there is no such document.
        QueryError: a relation is not in the graph.
    """
    names = list(dict.fromkeys(relations)) if relations is not None else list(graph.relations)
    for name in names:
        if name not in graph.relations:
            raise QueryError(f"the graph has no relation {name!r}", choices=sorted(graph.relations))
    followed = [_Followed(graph, name) for name in names]
    middle = graph.number(document_id)
    hop_of, strength_of = {middle: 0}, {middle: 0.0}
    reached: dict[int, tuple[float, int]] = {}
    frontier = [middle]
    left_out: set[int] = set()  # what had no room at one hop is met again at the next
    for hop in range(1, hops + 1):
        found: dict[int, float] = {}
        for node in frontier:
            for relation in followed:
                for target, _, strength in relation.around(node):
                    if target not in hop_of:
                        found[target] = found.get(target, 0.0) + strength
                        if target not in reached or reached[target][0] < strength:
                            reached[target] = (strength, node)
        best = sorted(found, key=lambda node: (-found[node], graph.ids[node]))
        frontier = best[: max(0, limit + 1 - len(hop_of))]
        left_out.update(best)
        hop_of |= dict.fromkeys(frontier, hop)
        strength_of |= {node: found[node] for node in frontier}
        if not frontier:
            break
    position = {node: place for place, node in enumerate(hop_of)}
    documents = tuple(
        Neighbour(
            graph.ids[node],
            graph.titles[node],
            None if np.isnan(graph.years[node]) else int(graph.years[node]),
            hop,
            strength_of[node],
        )
        for node, hop in hop_of.items()
    )
    ties = _ties(followed, position)
    if not all_ties:
        way = {(position[via], position[node]) for node, (_, via) in reached.items() if node in position}
        ties = tuple(
            tie
            for tie in ties
            if tie.relation in _STATED or (tie.source, tie.target) in way or (tie.target, tie.source) in way
        )
    return EgoGraph(documents, ties, len(left_out - hop_of.keys()))


class _Followed:
    """A relation with what its edges are worth."""

    def __init__(self, graph: DocumentGraph, name: str) -> None:
        self.relation: Relation = graph.relations[name]
        self.shown = "cites" if name == "cited_by" else name
        self.turned = name == "cited_by"
        self._out = np.bincount(self.relation.source, minlength=len(graph))
        self._in = np.bincount(self.relation.target, minlength=len(graph))

    def around(self, node: int) -> list[tuple[int, float, float]]:
        """(target, weight, strength) of the edges that leave ``node``."""
        targets, weights = self.relation.of(node)
        strengths = weights / np.sqrt(float(self._out[node]) * self._in[targets]) if len(targets) else weights
        return list(zip(targets.tolist(), weights.tolist(), strengths.tolist(), strict=True))


def _ties(followed: list[_Followed], position: dict[int, int]) -> tuple[Tie, ...]:
    found: dict[tuple[int, int, str], Tie] = {}
    for relation in followed:
        directed = relation.relation.directed
        for node, place in position.items():
            for target, weight, _ in relation.around(node):
                if target not in position:
                    continue
                ends = (place, position[target])
                if relation.turned or (not directed and ends[0] > ends[1]):
                    ends = (ends[1], ends[0])
                tie = Tie(*ends, relation.shown, weight, directed)
                found.setdefault((*ends, relation.shown), tie)
    return tuple(found[key] for key in sorted(found))
