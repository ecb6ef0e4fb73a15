"""Document graphs to and from networkx."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from plait.config import require
from plait.contracts import Edge
from plait.contracts.errors import DocumentError
from plait.docgraph.assembly import Node
from plait.docgraph.graph import DocumentGraph, build_graph
from plait.docgraph.settings import ENTITY_KINDS, GraphSettings

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["from_networkx", "to_networkx"]

_STATED = ("cites", "same_as", *ENTITY_KINDS)


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
    for document_id, title, date in zip(graph.ids, graph.titles, graph.years.tolist(), strict=True):
        made.add_node(document_id, kind="document", title=title, **({} if math.isnan(date) else {"date": date}))
    for name, relation in graph.relations.items():
        columns = zip(relation.source.tolist(), relation.target.tolist(), relation.weight.tolist(), strict=True)
        found = ((graph.ids[a], graph.ids[b], name, {"weight": weight}) for a, b, weight in columns)
        made.add_edges_from(found)  # type: ignore[arg-type]  # its published types leave out edges with keys
    for kind in graph.settings.entity_nodes:
        entities = graph.entities[kind]
        made.add_nodes_from(
            ((kind, key), {"kind": kind, "title": label})
            for key, label in zip(entities.keys, entities.labels, strict=True)
        )
        columns_of = zip(entities.document.tolist(), entities.entity.tolist(), strict=True)
        of = ((graph.ids[d], (kind, entities.keys[e]), kind, {"weight": 1.0}) for d, e in columns_of)
        made.add_edges_from(of)  # type: ignore[arg-type]  # as above
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
    for source, target, relation in _edges(given):
        if relation not in _STATED:
            continue
        if kinds[source] != "document":
            source, target = target, source
        if relation in ENTITY_KINDS:
            key = str(target[1]) if isinstance(target, tuple) and len(target) == 2 else str(target)
            yield Edge(str(source), relation, key, 1.0, str(given.nodes[target].get("title", key)))
        else:
            yield Edge(str(source), relation, str(target))


def _edges(given: nx.Graph[Any]) -> Iterator[tuple[Any, Any, str]]:
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
    for source, target, relation in _edges(given):
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
