"""``plait search`` and ``plait explain``: the passages that the pipeline finds, and why each is found."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from plait.cli.output import IndexOption, JsonFlag, NoPluginsFlag, PipelineOption, console, one_line, print_json, wait

if TYPE_CHECKING:
    from rich.text import Text

    from plait.contracts import Hit, IndexView, Strand
    from plait.rag.explaining import Explanation

__all__ = [
    "explain",
    "search",
]

_LED = {"cites": "cites", "cited_by": "is cited by", "same_as": "is the same as"}
"""How an edge is read, where it has a direction."""


def search(
    query: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    index: IndexOption,
    pipeline: PipelineOption = None,
    k: Annotated[int, typer.Option("--k", min=1, help="How many passages.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each retriever gave to each hit.")] = False,
    no_plugins: NoPluginsFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Find passages."""
    from plait.hooks import PluginHost
    from plait.rag import open_index

    host = PluginHost.discover(third_party=not no_plugins)
    with open_index(index, pipeline, host=host) as rag, wait("searching", as_json):
        retrieval = rag.retrieve_all(query, k)
    view = retrieval.view
    if as_json:
        print_json(
            {
                "query": query,
                "commit": view.commit,
                "hits": [_hit_json(hit, view) for hit in retrieval.fused],
                "cpu_seconds": dict(retrieval.cpu_seconds),
            }
        )
    else:
        _print_hits(retrieval.fused, view, explain)


def _hit_json(hit: Hit, view: IndexView) -> dict[str, Any]:
    passage = view.passage(hit.row)
    return {
        "document": hit.document_id,
        "title": view.title(hit.document_id),
        "passage": hit.passage_id,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "score": hit.score,
        "strands": [asdict(strand) for strand in hit.strands],
    }


def _head(number: int, title: str, hit: Hit) -> Text:
    """The line over a hit: its place, its document, its passage and its score."""
    from rich.text import Text

    return Text.assemble(f"{number:>2}  ", (one_line(title), "bold"), f"  {one_line(hit.passage_id)}  {hit.score:.4f}")


def _strand_of(strand: Strand) -> str:
    return f"{strand.retriever}, by another passage of the document" if strand.of_document else strand.retriever


def _print_hits(hits: Any, view: IndexView, explain: bool) -> None:
    shown = console()
    if not hits:
        shown.print("nothing found")
    for number, hit in enumerate(hits, start=1):
        passage = view.passage(hit.row)
        shown.print(_head(number, view.title(hit.document_id), hit), soft_wrap=True)
        if explain:
            for strand in hit.strands:
                shown.print(
                    f"      {_strand_of(strand)}: rank {strand.rank}, score {strand.score:.4f}, "
                    f"gave {strand.share:.4f} ({strand.share / hit.score if hit.score else 0:.0%})",
                    style="cyan",
                )
        snippet = " ".join(passage.text.split())
        shown.print(f"      {snippet[:240]}{'...' if len(snippet) > 240 else ''}", markup=False, style="dim")


def explain(
    query: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    index: IndexOption,
    pipeline: PipelineOption = None,
    k: Annotated[int, typer.Option("--k", min=1, help="How many passages.")] = 5,
    edges: Annotated[int, typer.Option(min=0, max=50, help="Most edges shown for each.")] = 3,
    no_plugins: NoPluginsFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Show why each passage is found: scores by text, structure and both, ranks, and the edges that carried it."""
    from plait.hooks import PluginHost
    from plait.rag import open_index

    host = PluginHost.discover(third_party=not no_plugins)
    with open_index(index, pipeline, host=host) as rag, wait("searching", as_json):
        explanation = rag.explain(query, k, edges=edges)
    if as_json:
        print_json(explanation.to_json())
    else:
        _print_explanation(explanation)


def _print_explanation(explanation: Explanation) -> None:
    shown = console()
    if not explanation.hits:
        shown.print("nothing found")
    for number, found in enumerate(explanation.hits, start=1):
        hit = found.hit
        shown.print(_head(number, found.title, hit), soft_wrap=True)
        scores = {"text": found.text, "structure": found.structure, "fused": found.fused}
        line = ", ".join(f"{name} {value:.4f}" for name, value in scores.items() if value is not None)
        if found.structure is not None and not found.has_structure:
            line += " (tied to no other document: its structure is its text)"
        shown.print(f"      {line}", style="cyan", soft_wrap=True)
        ranks = ", ".join(f"{_strand_of(s)} {s.rank} (gave {s.share:.4f})" for s in hit.strands)
        shown.print(f"      ranks: {ranks}", style="cyan", soft_wrap=True, markup=False)
        for edge in found.edges:
            led = _LED.get(edge.relation, f"{edge.relation.removeprefix('co_')} shared with")
            weight = f" x {edge.weight:g}" if edge.weight != 1 else ""
            shown.print(
                f"      {led}{weight} {one_line(edge.document_id)}  {one_line(edge.title)}  (text {edge.text:.4f}, "
                f"carried {edge.carried:.4f})",
                markup=False, style="dim", soft_wrap=True,
            )  # fmt: skip
    for label, earned in explanation.earned.items():
        why = explanation.broken.get(
            label, "nothing has shown on this index that it helps ('plait train docgraph' tries)"
        )
        told = f"counts {earned:.3g} times" if earned else f"is not fused: {why}"
        shown.print(f"the run of {label} {told}", soft_wrap=True, markup=False)
    if any(found.structure is not None for found in explanation.hits) and not explanation.trained:
        shown.print("nothing is trained on this index yet: 'plait train docgraph' lets structure into the vectors")
