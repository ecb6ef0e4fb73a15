"""``plait graph``: stats, show, export."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from plait.cli.output import IndexOption, JsonFlag, console, counted, one_line, print_json, progress

if TYPE_CHECKING:
    from plait.docgraph import DocumentGraph, GraphReport

__all__ = ["app"]

app = typer.Typer(help="Look at the graph of an index: who cites whom, what belongs together.", no_args_is_help=True)


class Format(StrEnum):
    """What a graph can be exported as."""

    graphml = "graphml"
    jsonl = "jsonl"


class Entity(StrEnum):
    """What can be a node beside documents."""

    author = "author"
    venue = "venue"
    topic = "topic"
    institution = "institution"


TopicsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--topics-from",
        help="Metadata key that holds topics. Repeatable. Default: those the index was built with.",
        metavar="KEY",
    ),
]
RelationOption = Annotated[
    list[str] | None, typer.Option("--relation", help="Only this relation. Repeatable.", metavar="NAME")
]


@app.command()
def stats(index: IndexOption, topics_from: TopicsOption = None, as_json: JsonFlag = False) -> None:
    """Count documents, edges, components, and the references that could not be resolved."""
    from plait.docgraph import statistics_of

    graph = _graph_of(index, as_json, topics_from, reasons=True)
    statistics = statistics_of(graph)
    if as_json:
        print_json(statistics.to_json() | {"report": graph.report.to_json()})
        return
    from rich.table import Table

    table = Table("relation", "edges", "documents", "mean", "median", "p90", "largest", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, degrees in statistics.relations.items():
        figures = (degrees.mean, degrees.median, degrees.p90)
        shown = [f"{figure:.1f}" for figure in figures]
        table.add_row(name, f"{degrees.edges:,}", f"{degrees.documents:,}", *shown, f"{degrees.largest:,}")
    printed = console()
    printed.print(
        f"{counted(statistics.documents, 'document')}, "
        + ", ".join(counted(count, kind) for kind, count in statistics.entities.items())
    )
    printed.print(table)
    printed.print(
        f"{counted(statistics.components, 'connected component')}, the largest of {statistics.largest_component:,}; "
        f"{counted(statistics.isolated, 'document')} with no edge"
    )
    for line in _told(graph.report):
        printed.print(f"  {line}", markup=False, soft_wrap=True, style="dim")


@app.command()
def show(
    document: Annotated[str, typer.Argument(help="Id of a document.", show_default=False)],
    index: IndexOption,
    out: Annotated[
        Path | None, typer.Option("--out", help="A .html or .svg file. Without it, a list is printed.")
    ] = None,
    hops: Annotated[int, typer.Option(min=1, max=4, help="How far to go.")] = 1,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most neighbours, strongest first.")] = 20,
    relation: RelationOption = None,
    topics_from: TopicsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Draw or list DOCUMENT and its strongest neighbours."""
    from plait.docgraph import draw, ego_graph
    from plait.docgraph.pictures import picture_of
    from plait.docgraph.relations import readable

    if out is not None:
        picture_of(out)  # a wrong ending is told before the graph is built
    graph = _graph_of(index, as_json, topics_from)
    found = ego_graph(graph, document, hops=hops, limit=limit, relations=relation)
    if out is not None:
        draw(found, out)
    if as_json:
        print_json(found.to_json() | {"picture": str(out) if out else None})
    elif out is not None:
        console().print(f"{out}: {counted(len(found.documents) - 1, 'neighbour')}", markup=False, soft_wrap=True)
    else:
        printed = console()
        ids = [one_line(neighbour.id) for neighbour in found.documents]
        for place, neighbour in enumerate(found.documents):
            year = f" ({neighbour.year})" if neighbour.year is not None else ""
            indent = "  " * neighbour.hop
            printed.print(f"{indent}{ids[place]}  {one_line(neighbour.title)}{year}", markup=False, soft_wrap=True)
            for tie in found.ties:
                if tie.source == place and place != 0 and tie.target == 0:
                    printed.print(f"{indent}  {readable(tie.relation)} {ids[0]}", markup=False, style="dim")
                elif tie.source == 0 and tie.target == place != 0:
                    what = "cited by" if tie.relation == "cites" else f"{readable(tie.relation)} {tie.weight:g} with"
                    printed.print(f"{indent}  {what} {ids[0]}", markup=False, style="dim")
        if found.omitted:
            more = counted(found.omitted, "more neighbour")
            printed.print(f"{more} not shown (--limit)", style="dim")


@app.command()
def export(
    index: IndexOption,
    out: Annotated[Path, typer.Option("--out", help="The file to write.", show_default=False)],
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.graphml,
    entity: Annotated[
        list[Entity] | None, typer.Option("--entity", help="Entities of this kind as nodes. Repeatable.")
    ] = None,
    relation: RelationOption = None,
    topics_from: TopicsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the whole graph to a file."""
    from plait.docgraph import write_graphml, write_jsonl

    graph = _graph_of(
        index, as_json, topics_from, relations=relation, entity_nodes=[kind.value for kind in entity or ()]
    )
    {Format.graphml: write_graphml, Format.jsonl: write_jsonl}[form](graph, out)
    edges = {name: made.pairs for name, made in graph.relations.items()}
    if as_json:
        print_json({"file": str(out), "format": form.value, "documents": len(graph), "edges": edges})
    else:
        written = f"{counted(len(graph), 'document')}, {counted(sum(edges.values()), 'edge')}"
        console().print(f"{out}: {written}", markup=False, soft_wrap=True)


def _graph_of(
    index: Path, quiet: bool, topics_from: list[str] | None, *, reasons: bool = False, **chosen: list[str] | None
) -> DocumentGraph:
    from pydantic import ValidationError

    from plait.config import explain
    from plait.docgraph import GraphSettings, fact_settings, graph_of_view
    from plait.index import Index

    given: dict[str, Any] = {name: tuple(value) for name, value in chosen.items() if value}
    opened = Index.open(index)
    stored = opened.commit.identity.get("edges")
    given |= stored if isinstance(stored, Mapping) else {}
    if topics_from:
        given["topics_from"] = tuple(topics_from)
    try:
        settings = GraphSettings.model_validate(given)
    except ValidationError as error:
        raise explain(error, GraphSettings, "plait graph") from error
    view = opened.view()
    # What is stored serves where it was made from the metadata that are asked for; else the documents are read again.
    facts = view.edges() if stored == fact_settings(settings) else None
    with progress(quiet) as told:
        return graph_of_view(view, settings, facts=facts, reasons=reasons, progress=told)


def _told(report: GraphReport) -> list[str]:
    """What a person should know of what was left out."""
    lines = []
    if report.references:
        name = "names" if report.resolved == 1 else "name"
        lines.append(
            f"{report.resolved:,} of {counted(report.references, 'reference')} {name} a document of this index"
        )
    persons = report.persons
    told = (
        (report.unresolved, "reference could not be tied to a document", "references could not be tied to a document"),
        (report.dangling, "reference names a document that is not here", "references name a document that is not here"),
        (report.unsure, "reference was tied with too little confidence",
         "references were tied with too little confidence"),
        (report.self_citations, "document cites itself (left out)", "documents cite themselves (left out)"),
        (report.future_citations, "citation is of a later document", "citations are of later documents"),
        (len(report.duplicates), "document is the same paper as another", "documents are the same paper as another"),
        (len(persons.merged), "author name was taken for a fuller form of it",
         "author names were taken for a fuller form of them"),
        (len(persons.ambiguous), "author name could be several people and was left alone",
         "author names could be several people and were left alone"),
    )  # fmt: skip
    lines += [counted(count, one, several) for count, one, several in told if count]
    if report.left_out:
        largest, groups = report.left_out[0], len(report.left_out)
        lines.append(
            f"{counted(groups, 'group is', 'groups are')} too large to tie documents together, such as "
            f"{largest.group!r} of {largest.size:,} ({largest.relation})"
        )
    return lines
