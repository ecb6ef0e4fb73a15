"""Document graphs in the forms of others: networkx, PyTorch Geometric, GraphML and JSON Lines files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plait.config import require
from plait.contracts import Edge
from plait.contracts.errors import DocumentError, IndexWriteError
from plait.docgraph.graph import DocumentGraph, build_graph
from plait.docgraph.matrices import Entities, Node
from plait.docgraph.relations import ENTITY_KINDS, GraphSettings

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import HeteroData

__all__ = ["from_networkx", "to_hetero_data", "to_networkx", "write_graphml", "write_jsonl"]

_STATED = ("cites", "same_as", *ENTITY_KINDS)  # relations that facts state; all others follow from these
# What XML 1.0 cannot hold, escaped or not.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_networkx(graph: DocumentGraph) -> nx.MultiDiGraph[Any]:
    """The graph as a ``MultiDiGraph``; an edge's key is its relation, an undirected edge stands in both directions.

    A document's node is its id, with ``kind`` ("document"), ``title`` and ``date`` where known. Entities of the kinds
    in ``settings.entity_nodes`` are nodes ``(kind, key)``, with an edge from each of their documents under the name of
    the kind.

    Raises:
        MissingDependencyError: networkx is not installed.
    """
    networkx = require("networkx", "plait[graph]", needed_by="document graph")
    made: nx.MultiDiGraph[Any] = networkx.MultiDiGraph()
    keys: dict[str, Any] = {}
    for name, node in _nodes(graph):
        key, kind = node.pop("id"), node["kind"]
        keys[name] = key if kind == "document" else (kind, key)
        made.add_node(keys[name], **node)
    for source, target, edge in _edges(graph, once=False):
        made.add_edge(keys[source], keys[target], edge["relation"], weight=edge["weight"])
    return made


def from_networkx(given: nx.Graph[Any], settings: GraphSettings | None = None) -> DocumentGraph:
    """A document graph from the stated edges of a networkx graph: cites, same_as, and those to entity nodes.

    Everything else is derived, as from documents. An edge's relation is its attribute ``relation``, else its key where
    that is a name, else ``cites``. A node is a document unless its attribute ``kind`` names a kind of entity; its
    ``title`` and ``date`` (or ``year``) are read.

    Args:
        given: a graph; an undirected one states each edge in both directions.
        settings: which relations are derived, with what bounds.

    Raises:
        DocumentError: a node's kind or an edge's relation is unknown, two nodes have one id, or the graph holds derived
            edges that its stated ones do not give: they would be lost.
    """
    kinds = {node: str(data.get("kind", "document")) for node, data in given.nodes(data=True)}
    for node, kind in kinds.items():
        if kind not in ("document", *ENTITY_KINDS):
            choices = ("document", *ENTITY_KINDS)
            raise DocumentError(f"unknown kind {kind!r}", where=f"node {node!r} of the networkx graph", choices=choices)
    nodes = [
        Node(str(node), str(data.get("title", "")), float(data.get("date", data.get("year", math.nan))))
        for node, data in given.nodes(data=True)
        if kinds[node] == "document"
    ]
    made = build_graph(nodes, settings, facts=_facts(given, kinds))
    _refuse_lost(given, made)
    return made


def _facts(given: nx.Graph[Any], kinds: dict[Any, str]) -> Iterator[Edge]:
    for source, target, relation in _given_edges(given):
        if relation not in _STATED:
            continue
        if kinds[source] != "document":
            source, target = target, source
        if relation in ENTITY_KINDS:
            key = str(target[1]) if isinstance(target, tuple) and len(target) == 2 else str(target)
            yield Edge(str(source), relation, key, 1.0, str(given.nodes[target].get("title", key)))
        else:
            yield Edge(str(source), relation, str(target))


def _given_edges(given: nx.Graph[Any]) -> Iterator[tuple[Any, Any, str]]:
    keyed = given.is_multigraph()
    view: Any = given.edges  # only a multigraph's takes keys, which its type does not say
    for edge in view(keys=True, data=True) if keyed else view(data=True):
        source, target, data = edge[0], edge[1], edge[-1]
        key = edge[2] if keyed and isinstance(edge[2], str) else "cites"
        relation = str(data.get("relation", key))
        yield source, target, relation
        if not given.is_directed():
            yield target, source, relation


def _refuse_lost(given: nx.Graph[Any], made: DocumentGraph) -> None:
    derived: dict[str, set[tuple[int, int]]] = {}
    for source, target, relation in _given_edges(given):
        if relation in _STATED:
            continue
        if relation not in made.relations:
            raise DocumentError(
                f"unknown relation {relation!r}",
                where="networkx graph",
                choices=(*made.relations, *ENTITY_KINDS),
                fix="rename its edges, or name the relation in the settings",
            )
        derived.setdefault(relation, set()).add((made.number(str(source)), made.number(str(target))))
    for name, pairs in derived.items():
        relation_made = made.relations[name]
        lost = pairs - set(zip(relation_made.source.tolist(), relation_made.target.tolist(), strict=True))
        if lost:
            first = min(lost)
            raise DocumentError(
                f"{len(lost)} edges of {name!r} do not follow from the stated ones, the first from "
                f"{made.ids[first[0]]!r} to {made.ids[first[1]]!r}",
                where="networkx graph",
                fix="export it with the entity nodes it is derived from, or leave the relation out of the settings",
            )


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
    data_of = require("torch_geometric.data", "plait[graph]", needed_by="document graph as HeteroData")
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


def write_graphml(graph: DocumentGraph, path: str | Path) -> None:
    """Writes the graph as GraphML (http://graphml.graphdrawing.org), for Gephi, yEd, Cytoscape and igraph.

    Nodes are named n0, n1, ...; the id, with whatever characters, is an attribute, as are ``kind``, ``title`` and
    ``date``. All edges are written as directed, since GraphML's readers refuse a mixture; undirected ones stand once,
    with the attribute ``directed`` false. ``cited_by`` is left out where ``cites`` is there: it is the same edges read
    backwards. Characters that XML cannot hold become U+FFFD. The graph passes through networkx, about 0.8 KB an edge;
    for one of many millions of edges :func:`write_jsonl` needs none.

    Raises:
        IndexWriteError: the file cannot be written.
        MissingDependencyError: networkx is not installed.
    """
    networkx = require("networkx", "plait[graph]", needed_by="GraphML export")
    made: nx.MultiDiGraph[Any] = networkx.MultiDiGraph()
    for name, node in _nodes(graph):
        made.add_node(name, **{key: _in_xml(value) for key, value in node.items()})
    for number, (source, target, edge) in enumerate(_edges(graph, once=True)):
        made.add_edge(source, target, f"e{number}", **edge)  # the key becomes the edge's id, which readers want unique
    try:
        with Path(path).open("wb") as file:
            networkx.write_graphml(made, file, named_key_ids=True)
    except OSError as error:
        raise IndexWriteError(f"the file cannot be written: {error.strerror or error}", where=str(path)) from error


def write_jsonl(graph: DocumentGraph, path: str | Path) -> None:
    """Writes one JSON object a line, for programs that read neither GraphML nor Python; memory does not grow with it.

    Nodes come first, such as ``{"node": id, "kind": "document", "title": ..., "date": ...}``, then edges such as
    ``{"source": ..., "target": ..., "relation": "cites", "weight": 1.0}``. Undirected edges stand once; ``cited_by`` is
    left out where ``cites`` is there.

    Raises:
        IndexWriteError: the file cannot be written.
    """
    keys: dict[str, str] = {}

    def lines() -> Iterator[dict[str, Any]]:
        for name, node in _nodes(graph):
            keys[name] = node["id"]
            line = {"node": node["id"], "kind": node["kind"], "title": node["title"]}
            yield line | {"date": node.get("date")} if node["kind"] == "document" else line
        for source, target, edge in _edges(graph, once=True):
            yield {
                "source": keys[source],
                "target": keys[target],
                "relation": edge["relation"],
                "weight": edge["weight"],
            }

    try:
        with Path(path).open("w", encoding="utf-8", newline="\n") as file:
            # Escaped to ASCII, which is json's default: an id may hold a lone surrogate, which UTF-8 cannot.
            file.writelines(f"{json.dumps(line)}\n" for line in lines())
    except OSError as error:
        raise IndexWriteError(f"the file cannot be written: {error.strerror or error}", where=str(path)) from error


def _nodes(graph: DocumentGraph) -> Iterator[tuple[str, dict[str, Any]]]:
    """A name that is unique among documents and entities, and what is known of the node."""
    for number, (document_id, title, date) in enumerate(
        zip(graph.ids, graph.titles, graph.years.tolist(), strict=True)
    ):
        known = {} if math.isnan(date) else {"date": date}
        yield f"n{number}", {"id": document_id, "kind": "document", "title": title, **known}
    for kind in graph.settings.entity_nodes:
        entities = graph.entities[kind]
        for number, (key, label) in enumerate(zip(entities.keys, entities.labels, strict=True)):
            yield f"{kind}{number}", {"id": key, "kind": kind, "title": label}


def _edges(graph: DocumentGraph, *, once: bool) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Both ends by the names of :func:`_nodes`, and what is known of the edge.

    With ``once``, undirected edges stand in one direction, and ``cited_by`` is left out where ``cites`` is there.
    """
    for kind in graph.settings.entity_nodes:
        entities = graph.entities[kind]
        for document, entity in zip(entities.document.tolist(), entities.entity.tolist(), strict=True):
            yield f"n{document}", f"{kind}{entity}", {"relation": kind, "weight": 1.0, "directed": True}
    for name, relation in graph.relations.items():
        if once and name == "cited_by" and "cites" in graph.relations:
            continue
        for a, b, weight in zip(
            relation.source.tolist(), relation.target.tolist(), relation.weight.tolist(), strict=True
        ):
            if not once or relation.directed or a < b:
                yield f"n{a}", f"n{b}", {"relation": name, "weight": weight, "directed": relation.directed}


def _in_xml(value: Any) -> Any:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value
