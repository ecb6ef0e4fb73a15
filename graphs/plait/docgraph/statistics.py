"""A whole graph in figures: nodes, edges, degrees and components."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from plait.config import require
from plait.docgraph.graph import DocumentGraph
from plait.docgraph.relations import Relation, sparse

__all__ = ["Degrees", "GraphStatistics", "statistics_of"]


@dataclass(frozen=True, slots=True)
class Degrees:
    """How many edges of one relation leave a document, over all documents."""

    edges: int
    documents: int
    mean: float
    median: float
    p90: float
    largest: int


@dataclass(frozen=True, slots=True)
class GraphStatistics:
    """Counts over a whole graph.

    Args:
        documents: nodes.
        entities: kind -> how many there are.
        relations: name -> edges (an undirected pair once), documents with at least one, and the degrees.
        components: connected components over all relations, isolated documents included.
        largest_component: documents in the largest of them.
        isolated: documents that no relation touches.
        resolved_share: references that name a document here, over all; NaN where there are none.
    """

    documents: int
    entities: Mapping[str, int]
    relations: Mapping[str, Degrees]
    components: int
    largest_component: int
    isolated: int
    resolved_share: float

    def to_json(self) -> dict[str, Any]:
        """As JSON values; NaN becomes None."""
        made = asdict(self)
        made["resolved_share"] = None if math.isnan(self.resolved_share) else self.resolved_share
        return made


def statistics_of(graph: DocumentGraph) -> GraphStatistics:
    """Counts nodes, edges, degrees and components."""
    nodes = len(graph)
    csgraph = require("scipy.sparse.csgraph", "plait[graph]", needed_by="document graph")
    touched = np.zeros(nodes, dtype=bool)
    total = sparse().csr_array((nodes, nodes), dtype=np.float32)
    for relation in graph.relations.values():
        touched[relation.source] = True
        touched[relation.target] = True
        total = total + relation.matrix(nodes)
    components, sizes = 0, np.zeros(1, dtype=np.int64)
    if nodes:
        components, labels = csgraph.connected_components(total, directed=False)
        sizes = np.bincount(labels)
    return GraphStatistics(
        documents=nodes,
        entities={kind: len(entities) for kind, entities in graph.entities.items()},
        relations={name: _degrees(relation, nodes) for name, relation in graph.relations.items()},
        components=int(components),
        largest_component=int(sizes.max()),
        isolated=int((~touched).sum()),
        resolved_share=graph.report.resolved_share,
    )


def _degrees(relation: Relation, nodes: int) -> Degrees:
    if not nodes:
        return Degrees(0, 0, 0.0, 0.0, 0.0, 0)
    counts = np.bincount(relation.source, minlength=nodes)
    median, p90 = np.quantile(counts, (0.5, 0.9))
    return Degrees(
        relation.pairs, int((counts > 0).sum()), float(counts.mean()), float(median), float(p90), int(counts.max())
    )
