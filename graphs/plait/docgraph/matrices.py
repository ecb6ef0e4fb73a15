"""Gathers facts into the sparse matrices that all relations are made of."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.config import require
from plait.contracts import Document, Edge
from plait.contracts.errors import DocumentError
from plait.docgraph.authors import Persons, merge_persons
from plait.docgraph.references import date_of
from plait.docgraph.relations import ENTITY_KINDS, EntityKind, GraphSettings, incidence, same_pairs
from plait.docgraph.report import GraphReport

__all__ = ["Base", "Entities", "Node", "assemble", "later"]


@dataclass(frozen=True, slots=True)
class Node:
    """A document as a node: its id, title and date (see :func:`plait.docgraph.references.date_of`)."""

    id: str
    title: str = ""
    date: float = float("nan")

    @classmethod
    def of(cls, document: Document | Node) -> Node:
        """The node of a document."""
        if isinstance(document, Node):
            return document
        return cls(document.id, document.title, date_of(document.metadata))


@dataclass(frozen=True)
class Entities:
    """Authors, venues, topics or institutions, and which documents they belong to.

    Args:
        kind: which of them.
        keys: entity i is ``keys[i]``.
        labels: its name as first written.
        members: csr matrix of int32 ones, shape (documents, entities).
    """

    kind: EntityKind
    keys: tuple[str, ...]
    labels: tuple[str, ...]
    members: Any

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def document(self) -> NDArray[np.int64]:
        """Document number of each membership, shape (memberships,), sorted."""
        return np.repeat(np.arange(self.members.shape[0]), np.diff(self.members.indptr)).astype(np.int64)

    @cached_property
    def entity(self) -> NDArray[np.int64]:
        """Entity number of each membership, shape (memberships,)."""
        made: NDArray[np.int64] = self.members.indices.astype(np.int64)
        return made


@dataclass(frozen=True)
class Base:
    """What everything else is derived from.

    Args:
        nodes: the documents.
        citations: csr matrix of int32 ones, row cites column, shape (documents, documents), no diagonal.
        entities: by kind.
        same_as: symmetric csr matrix of int32 ones.
    """

    nodes: tuple[Node, ...]
    citations: Any
    entities: dict[EntityKind, Entities]
    same_as: Any


class _Facts:
    """Facts as columns of numbers while they are read, one pass, whatever they come from."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self._numbers = numbers
        self.citing, self.cited, self.confidence = array("q"), array("q"), array("d")
        self.same = (array("q"), array("q"), array("d"))
        self.members = {kind: (array("q"), array("q")) for kind in ENTITY_KINDS}
        self.keys: dict[EntityKind, dict[str, int]] = {kind: {} for kind in ENTITY_KINDS}
        self.labels: dict[EntityKind, list[str]] = {kind: [] for kind in ENTITY_KINDS}
        self.dangling = 0
        self.unresolved = 0

    def add(self, fact: Edge) -> None:
        source = self._numbers.get(fact.source)
        if source is None:
            raise DocumentError(
                f"a fact is stated by {fact.source!r}, which is not among the documents",
                where="document graph",
                fix="give all documents, or leave out the facts of removed ones",
            )
        if fact.relation == "cites":
            target = self._numbers.get(fact.target) if fact.target else None
            if target is not None:
                self.citing.append(source)
                self.cited.append(target)
                self.confidence.append(fact.confidence)
            elif fact.target:
                self.dangling += 1
            else:
                self.unresolved += 1
        elif fact.relation == "same_as":
            target = self._numbers.get(fact.target)
            if target is not None:
                self.same[0].append(source)
                self.same[1].append(target)
                self.same[2].append(fact.confidence)
        elif fact.relation in self.keys:
            kind = fact.relation
            known = self.keys[kind]
            entity = known.setdefault(fact.target, len(known))
            if entity == len(self.labels[kind]):
                self.labels[kind].append(fact.label or fact.target)
            self.members[kind][0].append(source)
            self.members[kind][1].append(entity)
        else:
            raise DocumentError(
                f"unknown relation {fact.relation!r}",
                where=f"a fact of document {fact.source!r}",
                choices=("cites", "same_as", *ENTITY_KINDS),
            )

    def papers(self) -> Iterator[list[str]]:
        """The author keys of each document that has several."""
        keys = list(self.keys["author"])
        together: dict[int, list[str]] = {}
        for document, author in zip(*self.members["author"], strict=True):
            together.setdefault(document, []).append(keys[author])
        return (names for names in together.values() if len(names) > 1)


def assemble(nodes: Sequence[Node], facts: Iterable[Edge], settings: GraphSettings) -> tuple[Base, GraphReport]:
    """Reads all facts once.

    Raises:
        DocumentError: two documents share an id, or a fact is of an unknown document or relation.
        MissingDependencyError: scipy is not installed.
    """
    numbers = {node.id: number for number, node in enumerate(nodes)}
    if len(numbers) < len(nodes):
        twice = next(node.id for number, node in enumerate(nodes) if numbers[node.id] != number)
        raise DocumentError(f"the id {twice!r} is used by two documents", where="document graph")
    found = _Facts(numbers)
    for fact in facts:
        found.add(fact)
    same = same_pairs(*found.same[:2], nodes=len(nodes))
    least = {"identifier": 1.0, "title": 0.0, "never": np.inf}[settings.merge_duplicates]
    sure = np.flatnonzero(np.array(found.same[2], dtype=np.float64) >= least)
    left, right = (np.array(column, dtype=np.int64)[sure] for column in found.same[:2])
    into = _first_of_duplicates(nodes, same_pairs(left, right, len(nodes)))
    merged = np.flatnonzero(into != np.arange(len(nodes)))
    dates = np.array([node.date for node in nodes], dtype=np.float64)
    citations, report = _citations(found, into, dates, settings)
    entities: dict[EntityKind, Entities] = {}
    persons = Persons()
    for kind in ENTITY_KINDS:
        if kind == "author":
            persons = merge_persons(zip(found.keys[kind], found.labels[kind], strict=True), found.papers())
        entities[kind] = _entities(found, kind, persons if kind == "author" else Persons(), into)
    report = replace(
        report,
        dangling=found.dangling,
        unresolved=found.unresolved,
        references=report.references + found.dangling + found.unresolved,
        duplicates={nodes[number].id: nodes[into[number]].id for number in merged.tolist()},
        persons=persons,
    )
    return Base(tuple(nodes), citations, entities, same), report


def later(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each date in ``a`` is later than that in ``b``: by month where both have one, else by year."""
    by_month = (a % 1 != 0) & (b % 1 != 0)
    return np.where(by_month, a > b, np.floor(a) > np.floor(b))


def _citations(
    found: _Facts, into: NDArray[np.int64], dates: NDArray[np.float64], settings: GraphSettings
) -> tuple[Any, GraphReport]:
    source, target = (into[np.array(column, dtype=np.int64)] for column in (found.citing, found.cited))
    confidence = np.array(found.confidence, dtype=np.float64)
    sure = confidence >= settings.min_confidence
    itself = source == target
    keep = sure & ~itself
    source, target = source[keep], target[keep]
    future = later(dates[target], dates[source])
    turned = 0
    if settings.orientation == "date":
        turned = int(future.sum())
        source, target = np.where(future, target, source), np.where(future, source, target)
    elif settings.time_respecting:
        source, target = source[~future], target[~future]
    matrix = incidence(source, target, (len(dates), len(dates)))
    report = GraphReport(
        references=len(confidence),
        resolved=len(confidence),
        mean_confidence=float(confidence.mean()) if len(confidence) else float("nan"),
        unsure=int((~sure).sum()),
        self_citations=int((sure & itself).sum()),
        future_citations=int(future.sum()),
        turned=turned,
        mutual=int(matrix.multiply(matrix.T).sum()) // 2,
        repeated=len(source) - matrix.nnz,
    )
    return matrix, report


def _entities(found: _Facts, kind: EntityKind, persons: Persons, into: NDArray[np.int64]) -> Entities:
    label_of = dict(zip(found.keys[kind], found.labels[kind], strict=True))
    keys = sorted({persons[key] for key in label_of})
    number = {key: position for position, key in enumerate(keys)}
    became = np.array([number[persons[key]] for key in found.keys[kind]], dtype=np.int64)
    documents, members = (np.array(column, dtype=np.int64) for column in found.members[kind])
    matrix = incidence(into[documents], became[members] if len(members) else members, (len(into), len(keys)))
    return Entities(kind, tuple(keys), tuple(label_of.get(key, key) for key in keys), matrix)


def _first_of_duplicates(nodes: Sequence[Node], same: Any) -> NDArray[np.int64]:
    """For each node the number of the one it counts as: of all that are the same, the one whose id sorts first."""
    graph = require("scipy.sparse.csgraph", "plait[graph]", needed_by="document graph")
    into = np.arange(len(nodes), dtype=np.int64)
    if not same.nnz:
        return into
    _, component = graph.connected_components(same, directed=False)
    involved = np.flatnonzero(np.diff(same.indptr)).tolist()
    first: dict[int, int] = {}
    for number in sorted(involved, key=lambda number: nodes[number].id):
        into[number] = first.setdefault(int(component[number]), number)
    return into
