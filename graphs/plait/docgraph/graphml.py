"""GraphML export, for Gephi, yEd, Cytoscape and igraph (http://graphml.graphdrawing.org)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from plait.contracts.errors import IndexWriteError
from plait.docgraph.graph import DocumentGraph

__all__ = ["graphml_lines", "write_graphml"]

# What XML 1.0 cannot hold, escaped or not.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEYS = (
    ("node", "id", "string"),
    ("node", "kind", "string"),
    ("node", "title", "string"),
    ("node", "date", "double"),
    ("edge", "relation", "string"),
    ("edge", "weight", "double"),
    ("edge", "directed", "boolean"),
)


def write_graphml(graph: DocumentGraph, path: str | Path) -> None:
    """Writes the graph as GraphML, one line after another: memory does not grow with it.

    Raises:
        IndexWriteError: the file cannot be written.
    """
    try:
        with Path(path).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in graphml_lines(graph))
    except OSError as error:
        raise IndexWriteError(f"the file cannot be written: {error.strerror or error}", where=str(path)) from error


def graphml_lines(graph: DocumentGraph) -> Iterator[str]:
    """The lines of the file. Nodes are n0, n1, ...; the id, with whatever characters, is an attribute.

    All edges are written as directed, since most readers refuse a mixture; undirected ones stand once, with the
    attribute ``directed`` false. ``cited_by`` is left out where ``cites`` is there: it is the same edges read
    backwards. Characters that XML cannot hold become U+FFFD.
    """
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    for owner, name, kind in _KEYS:
        yield f'<key id="{owner}_{name}" for="{owner}" attr.name="{name}" attr.type="{kind}"/>'
    yield '<graph edgedefault="directed">'
    for number, (document_id, title) in enumerate(zip(graph.ids, graph.titles, strict=True)):
        yield _node(f"n{number}", document_id, "document", title, float(graph.years[number]))
    for kind in graph.settings.entity_nodes:
        entities = graph.entities[kind]
        for number, (key, label) in enumerate(zip(entities.keys, entities.labels, strict=True)):
            yield _node(f"{kind}{number}", key, kind, label, math.nan)
        for document, entity in zip(entities.document.tolist(), entities.entity.tolist(), strict=True):
            yield _edge(f"n{document}", f"{kind}{entity}", kind, 1.0, True)
    for name, relation in graph.relations.items():
        if name == "cited_by" and "cites" in graph.relations:
            continue
        for a, b, weight in zip(
            relation.source.tolist(), relation.target.tolist(), relation.weight.tolist(), strict=True
        ):
            if relation.directed or a < b:
                yield _edge(f"n{a}", f"n{b}", name, weight, relation.directed)
    yield "</graph>"
    yield "</graphml>"


def _node(name: str, key: str, kind: str, title: str, date: float) -> str:
    parts = [_data("node_id", key), _data("node_kind", kind), _data("node_title", title)]
    if not math.isnan(date):
        parts.append(_data("node_date", repr(date)))
    return f'<node id="{name}">{"".join(parts)}</node>'


def _edge(source: str, target: str, relation: str, weight: float, directed: bool) -> str:
    parts = _data("edge_relation", relation) + _data("edge_weight", repr(weight))
    parts += _data("edge_directed", str(directed).lower())
    return f'<edge source="{source}" target="{target}">{parts}</edge>'


def _data(key: str, value: str) -> str:
    # A carriage return would come back as a line feed unless it is spelt out.
    clean = escape(_IMPOSSIBLE.sub("\N{REPLACEMENT CHARACTER}", value), {"\r": "&#13;"})
    return f'<data key="{key}">{clean}</data>'
