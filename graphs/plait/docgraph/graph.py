"""The document graph: documents, and typed relations between them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Document, Edge, IndexView
from plait.contracts.errors import DocumentError, nearest
from plait.docgraph.facts import report_of, stated_facts
from plait.docgraph.matrices import Base, Entities, Node, assemble
from plait.docgraph.references import Record, Resolver, date_of
from plait.docgraph.relations import (
    DERIVED_FROM_ENTITIES,
    EntityKind,
    GraphSettings,
    Relation,
    relation_of,
    same_pairs,
    shared,
    sparse,
)
from plait.docgraph.report import FactsReport, GraphReport, LeftOut

__all__ = ["DocumentGraph", "build_graph", "graph_of_view"]


@dataclass(frozen=True, eq=False)
class DocumentGraph:
    """Documents and how they relate; never changes. Made by :func:`build_graph`.

    Args:
        ids: node i is the document ``ids[i]``.
        titles: of the documents.
        years: dates, float64, shape (documents,): a whole number where only the year is known, else the middle of the
            month; NaN where unknown.
        relations: by name; every relation that the settings name is there, empty or not.
        entities: authors, venues, topics and institutions, whether or not they are nodes.
        settings: how it was built.
        report: what was left out, merged or not understood.
        base: what is stated, which all relations are derived from.
        excluded: pairs that were taken out by :meth:`without`: a symmetric csr matrix, or None.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    years: NDArray[np.float64]
    relations: Mapping[str, Relation]
    entities: Mapping[EntityKind, Entities]
    settings: GraphSettings
    report: GraphReport
    base: Base
    excluded: Any = None

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.ids)

    def number(self, document_id: str) -> int:
        """The node of a document.

        Raises:
            DocumentError: there is no such document.
        """
        number = self._numbers.get(document_id)
        if number is None:
            close = nearest(document_id, self.ids[:100_000])
            raise DocumentError(
                f"there is no document {document_id!r}",
                where="document graph",
                fix=f"write {close!r} if you meant that" if close else "ids are as 'plait search' prints them",
            )
        return number

    def without(self, pairs: Iterable[tuple[str, str]] | NDArray[np.integer[Any]]) -> DocumentGraph:
        """The graph in which no relation ties the given pairs, and none is derived from a citation between them.

        A pair is meant in both directions. Two documents that share an author still share that author's node.

        Args:
            pairs: of ids, or an integer array of node numbers, shape (pairs, 2).

        Raises:
            DocumentError: an id is unknown, or a number is out of range.
        """
        if isinstance(pairs, np.ndarray):
            numbers = pairs.reshape(-1, 2).astype(np.int64)
            if len(numbers) and (numbers.min() < 0 or numbers.max() >= len(self)):
                raise DocumentError(f"the graph has nodes 0 to {len(self) - 1}", where="pairs to leave out")
        else:
            found = [(self.number(a), self.number(b)) for a, b in pairs]
            numbers = np.array(found, dtype=np.int64).reshape(-1, 2)
        excluded = same_pairs(numbers[:, 0], numbers[:, 1], len(self))
        base = replace(
            self.base,
            citations=_without_pairs(self.base.citations, excluded),
            same_as=_without_pairs(self.base.same_as, excluded),
        )
        made = excluded if self.excluded is None else ((self.excluded + excluded) > 0).astype(np.int32)
        return _finished(base, self.settings, self.report, made)

    def derived_from(self, base: Base) -> DocumentGraph:
        """The graph in which other facts are stated of the same documents; pairs that were taken out stay out."""
        return _finished(base, self.settings, self.report, self.excluded)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over documents, relations, weights and settings: what a trained encoder was trained on."""
        digest = hashlib.sha256(json.dumps([list(self.ids), self.settings.model_dump(mode="json")]).encode())
        for name in sorted(self.relations):
            relation = self.relations[name]
            digest.update(name.encode())
            for part in (relation.source, relation.target, relation.weight):
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {document_id: number for number, document_id in enumerate(self.ids)}


def build_graph(
    documents: Iterable[Document | Node],
    settings: GraphSettings | None = None,
    *,
    facts: Iterable[Edge] | None = None,
) -> DocumentGraph:
    """Builds the graph of ``documents``.

    Args:
        documents: whole documents; or, together with ``facts``, their nodes. Node i is the i-th of them.
        settings: which relations, with what bounds.
        facts: what is stored of the documents; without it, references are resolved and facts are made here.

    Raises:
        DocumentError: two documents share an id, or a fact is of an unknown document or relation.
        MissingDependencyError: scipy is not installed.

    Example:
        >>> from plait.contracts import Reference
        >>> def paper(name, *cited):
        ...     return Document(name, f"On {name}", (), {}, tuple(Reference(identifiers={"id": c}) for c in cited))
        >>> graph = build_graph([paper("a"), paper("b"), paper("c", "a", "b"), paper("d", "a", "b", "nowhere")])
        >>> shared = graph.relations["co_citation"]
        >>> [(graph.ids[i], graph.ids[j], int(w)) for i, j, w in zip(shared.source, shared.target, shared.weight)]
        [('a', 'b', 2), ('b', 'a', 2)]
        >>> graph.report.references, graph.report.resolved
        (5, 4)
    """
    settings = settings or GraphSettings()
    given = list(documents)
    made: FactsReport | None = None
    if facts is None:
        whole = [document for document in given if isinstance(document, Document)]
        if len(whole) < len(given):
            raise DocumentError("nodes without facts say nothing", where="document graph", fix="give facts as well")
        resolver = Resolver(Record.of(document) for document in whole)
        report = made = FactsReport()
        facts = (fact for document in whole for fact in stated_facts(document, resolver, settings, report))
    base, found = assemble([Node.of(document) for document in given], facts, settings)
    return _finished(base, settings, replace(found, facts=made), None)


def graph_of_view(
    view: IndexView,
    settings: GraphSettings | None = None,
    *,
    facts: Iterable[Edge] | None = None,
    reasons: bool = False,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> DocumentGraph:
    """Builds the graph of all documents of an index; node i is ``view.document_ids[i]``.

    Args:
        view: the index.
        settings: which relations, with what bounds.
        facts: what is stored of the documents. Without it every document is opened, one after the other, and its
            references are resolved: about two milliseconds each.
        reasons: resolve stored references again, so that the report says why some could not be.
        progress: told "linking", documents done, documents in all.

    Raises:
        DocumentError: a fact is of an unknown document or relation.
        MissingDependencyError: scipy is not installed.
    """
    settings = settings or GraphSettings()
    ids = list(view.document_ids)
    nodes = [Node(i, view.title(i), date_of(view.metadata(i))) for i in ids]
    if facts is not None and not reasons:
        return build_graph(nodes, settings, facts=facts)
    resolver = Resolver(Record.of_metadata(i, view.title(i), view.metadata(i)) for i in ids)
    if facts is not None:
        stored = list(facts)
        graph = build_graph(nodes, settings, facts=stored)
        return replace(graph, report=replace(graph.report, facts=report_of(stored, resolver)))
    report = FactsReport()

    def stated() -> Iterator[Edge]:
        for done, document_id in enumerate(ids):
            if progress is not None:
                progress("linking", done, len(ids))
            yield from stated_facts(view.document(document_id), resolver, settings, report)

    graph = build_graph(nodes, settings, facts=stated())
    return replace(graph, report=replace(graph.report, facts=report))


def _finished(base: Base, settings: GraphSettings, report: GraphReport, excluded: Any) -> DocumentGraph:
    relations, left_out = _derived(base, settings, excluded)
    return DocumentGraph(
        ids=tuple(node.id for node in base.nodes),
        titles=tuple(node.title for node in base.nodes),
        years=np.array([node.date for node in base.nodes], dtype=np.float64),
        relations=relations,
        entities=base.entities,
        settings=settings,
        report=replace(report, left_out=left_out),
        base=base,
        excluded=excluded,
    )


def _derived(
    base: Base, settings: GraphSettings, excluded: Any | None = None
) -> tuple[dict[str, Relation], tuple[LeftOut, ...]]:
    """Every relation that the settings name, and the groups that were too large for it.

    Args:
        base: what is stated.
        settings: which relations, weights and bounds.
        excluded: symmetric csr matrix of pairs that no relation may hold. Their citations are taken out before
            anything is derived from them, so that nothing derived gives them away.
    """
    citations = _without_pairs(base.citations, excluded)
    relations: dict[str, Relation] = {}
    left_out: list[LeftOut] = []
    for name in dict.fromkeys(settings.relations):
        dropped: dict[int, int] = {}
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
            left_out += [LeftOut(name, entities.keys[group], size) for group, size in dropped.items()]
        elif name in ("co_citation", "bibliographic_coupling"):
            groups = citations.T.tocsr() if name == "co_citation" else citations
            matrix, dropped = shared(groups, cap=settings.citation_cap, **bounds)
            left_out += [LeftOut(name, base.nodes[group].id, size) for group, size in dropped.items()]
        else:
            stated = {"cites": citations, "cited_by": citations.T, "same_as": base.same_as}[name]
            matrix = stated if least <= 1 else sparse().csr_array(stated.shape, dtype=stated.dtype)
        relations[name] = relation_of(name, _without_pairs(matrix, excluded), directed=directed)
    return relations, tuple(left_out)


def _without_pairs(matrix: Any, excluded: Any | None) -> Any:
    """``matrix`` less its entries at the ``excluded`` ones."""
    if excluded is None:
        return matrix
    made = (matrix - matrix.multiply(excluded)).tocsr()
    made.eliminate_zeros()
    return made
