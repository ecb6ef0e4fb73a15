"""JSON Lines export: one object a line, for programs that read neither GraphML nor Python."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plait.contracts.errors import IndexWriteError
from plait.docgraph.graph import DocumentGraph

__all__ = ["jsonl_lines", "write_jsonl"]


def write_jsonl(graph: DocumentGraph, path: str | Path) -> None:
    """Writes the graph, nodes first.

    Raises:
        IndexWriteError: the file cannot be written.
    """
    try:
        with Path(path).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in jsonl_lines(graph))
    except OSError as error:
        raise IndexWriteError(f"the file cannot be written: {error.strerror or error}", where=str(path)) from error


def jsonl_lines(graph: DocumentGraph) -> Iterator[str]:
    """Lines such as ``{"node": id, "kind": "document", ...}`` and ``{"source": ..., "target": ..., ...}``.

    Undirected edges stand once; ``cited_by`` is left out where ``cites`` is there.
    """
    for document_id, title, date in zip(graph.ids, graph.titles, graph.years.tolist(), strict=True):
        yield _line(node=document_id, kind="document", title=title, date=None if math.isnan(date) else date)
    for kind in graph.settings.entity_nodes:
        entities = graph.entities[kind]
        for key, label in zip(entities.keys, entities.labels, strict=True):
            yield _line(node=key, kind=kind, title=label)
        for document, entity in zip(entities.document.tolist(), entities.entity.tolist(), strict=True):
            yield _line(source=graph.ids[document], target=entities.keys[entity], relation=kind, weight=1)
    for name, relation in graph.relations.items():
        if name == "cited_by" and "cites" in graph.relations:
            continue
        columns = zip(relation.source.tolist(), relation.target.tolist(), relation.weight.tolist(), strict=True)
        for a, b, weight in columns:
            if relation.directed or a < b:
                yield _line(source=graph.ids[a], target=graph.ids[b], relation=name, weight=weight)


def _line(**fields: Any) -> str:
    # Escaped to ASCII: an id may hold a lone surrogate, which UTF-8 cannot.
    return json.dumps(fields)
