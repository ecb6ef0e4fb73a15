"""Document graphs as PyTorch Geometric ``HeteroData``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plait.config import require
from plait.contracts.errors import DocumentError
from plait.docgraph.assembly import Entities
from plait.docgraph.graph import DocumentGraph

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

__all__ = ["to_hetero_data"]

_EXTRA = "plait[graph]"


def to_hetero_data(
    graph: DocumentGraph,
    features: NDArray[np.floating[Any]],
    entity_features: Mapping[str, NDArray[np.floating[Any]]] | None = None,
) -> HeteroData:
    """The graph as tensors.

    ``data["document"].x`` holds the features, ``data["document"].date`` the dates; each relation is the edge type
    ``("document", name, "document")`` with ``edge_index`` (2, edges) and ``edge_weight`` (edges,), empty relations
    included, so that all graphs of one setting have the same types. Entities of the kinds in ``settings.entity_nodes``
    are node types, with edge types ``("document", kind, kind)`` and ``(kind, f"{kind}_of", "document")``.

    Args:
        graph: what to convert.
        features: one row per document in the order of ``graph.ids``, shape (documents, width).
        entity_features: kind -> shape (entities, width). Without it an entity has the mean of its documents' features.

    Raises:
        DocumentError: features have another number of rows, or are not finite.
        MissingDependencyError: torch or torch-geometric is not installed.
    """
    torch = require("torch", "plait[models]", needed_by="document graph as HeteroData")
    data_of = require("torch_geometric.data", _EXTRA, needed_by="document graph as HeteroData")
    data: HeteroData = data_of.HeteroData()
    documents = _checked(features, len(graph), "documents")
    data["document"].x = torch.from_numpy(documents)
    data["document"].date = torch.from_numpy(graph.years.astype(np.float32))
    for name, relation in graph.relations.items():
        store = data["document", name, "document"]
        store.edge_index = torch.from_numpy(np.stack([relation.source, relation.target]))
        store.edge_weight = torch.from_numpy(relation.weight.copy())
    for kind in graph.settings.entity_nodes:
        entities = graph.entities[kind]
        given = (entity_features or {}).get(kind)
        vectors = _means(entities, documents) if given is None else _checked(given, len(entities), kind)
        data[kind].x = torch.from_numpy(vectors)
        edges = np.stack([entities.document, entities.entity])
        data["document", kind, kind].edge_index = torch.from_numpy(edges)
        data[kind, f"{kind}_of", "document"].edge_index = torch.from_numpy(edges[::-1].copy())
    return data


def _checked(features: NDArray[np.floating[Any]], rows: int, what: str) -> NDArray[np.float32]:
    made = np.array(features, dtype=np.float32)  # a copy: tensors share memory, and the graph's own is read-only
    if made.ndim != 2 or len(made) != rows:
        raise DocumentError(
            f"the features have shape {made.shape}, not ({rows}, width)",
            where=f"features of {what}",
            fix="give one row per node, in the graph's order",
        )
    if not np.isfinite(made).all():
        raise DocumentError("the features are not all finite", where=f"features of {what}")
    return made


def _means(entities: Entities, documents: NDArray[np.float32]) -> NDArray[np.float32]:
    counts = np.asarray(entities.members.sum(axis=0)).reshape(-1, 1)
    # An entity of no document cannot be: each was stated by one, and twins hand theirs on.
    means: NDArray[np.float32] = (entities.members.T @ documents / np.maximum(counts, 1)).astype(np.float32)
    return means
