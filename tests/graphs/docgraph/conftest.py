"""Small documents with whatever a test says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plait.contracts import Document, Reference, Section, Text
from plait.docgraph import DocumentGraph

Paper = Callable[..., Document]
Pairs = Callable[[DocumentGraph, str], dict[tuple[str, str], float]]


@pytest.fixture
def paper() -> Paper:
    """Makes a document that cites by id, or by whatever references it is given."""

    def make(name: str, *cites: str | Reference, title: str = "", **metadata: Any) -> Document:
        references = tuple(
            cited if isinstance(cited, Reference) else Reference(identifiers={"id": cited}) for cited in cites
        )
        return Document(name, title or f"On {name}", (Section("", (Text("A."),)),), metadata, references)

    return make


@pytest.fixture
def pairs() -> Pairs:
    """The edges of a relation, by ids."""

    def read(graph: DocumentGraph, name: str) -> dict[tuple[str, str], float]:
        relation = graph.relations[name]
        columns = zip(relation.source.tolist(), relation.target.tolist(), relation.weight.tolist(), strict=True)
        return {(graph.ids[a], graph.ids[b]): weight for a, b, weight in columns}

    return read
