"""Makes all relations of a graph from its base."""

from __future__ import annotations

from typing import Any

from plait.docgraph.assembly import Base
from plait.docgraph.relations import DroppedGroup, Relation, relation_of, shared, sparse
from plait.docgraph.report import LeftOut
from plait.docgraph.settings import DERIVED_FROM_ENTITIES, GraphSettings

__all__ = ["derive", "without_pairs"]


def derive(
    base: Base, settings: GraphSettings, excluded: Any | None = None
) -> tuple[dict[str, Relation], tuple[LeftOut, ...]]:
    """Every relation that the settings name, and the groups that were too large for it.

    Args:
        base: what is stated.
        settings: which relations, weights and bounds.
        excluded: symmetric csr matrix of pairs that no relation may hold. Their citations are taken out before
            anything is derived from them, so that nothing derived gives them away.
    """
    citations = without_pairs(base.citations, excluded)
    relations: dict[str, Relation] = {}
    left_out: list[LeftOut] = []
    for name in dict.fromkeys(settings.relations):
        dropped: list[DroppedGroup] = []
        directed = name in ("cites", "cited_by")
        least = settings.min_weight.get(name, 1)
        bounds: dict[str, Any] = {
            "budget": settings.max_edges_per_relation,
            "min_weight": least,
            "strongest": settings.strongest,
        }
        if name in DERIVED_FROM_ENTITIES:
            entities = base.entities[DERIVED_FROM_ENTITIES[name]]
            matrix, dropped = shared(entities.members, cap=settings.group_cap, **bounds)
            left_out += [LeftOut(name, entities.keys[group.group], group.size) for group in dropped]
        elif name in ("co_citation", "bibliographic_coupling"):
            groups = citations.T.tocsr() if name == "co_citation" else citations
            matrix, dropped = shared(groups, cap=settings.citation_cap, **bounds)
            left_out += [LeftOut(name, base.nodes[group.group].id, group.size) for group in dropped]
        else:
            stated = {"cites": citations, "cited_by": citations.T, "same_as": base.same_as}[name]
            matrix = stated if least <= 1 else sparse().csr_array(stated.shape, dtype=stated.dtype)
        relations[name] = relation_of(name, without_pairs(matrix, excluded), directed=directed)
    return relations, tuple(left_out)


def without_pairs(matrix: Any, excluded: Any | None) -> Any:
    """``matrix`` less its entries at the ``excluded`` ones."""
    if excluded is None:
        return matrix
    made = (matrix - matrix.multiply(excluded)).tocsr()
    made.eliminate_zeros()
    return made
