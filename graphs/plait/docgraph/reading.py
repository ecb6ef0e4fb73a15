"""The graph of the documents in an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from plait.contracts import Edge, IndexView
from plait.docgraph.assembly import Node
from plait.docgraph.facts import FactsReport, report_of, stated_facts
from plait.docgraph.graph import DocumentGraph, build_graph
from plait.docgraph.records import Record, date_of
from plait.docgraph.references import Resolver
from plait.docgraph.settings import GraphSettings

__all__ = ["graph_of_view"]


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
