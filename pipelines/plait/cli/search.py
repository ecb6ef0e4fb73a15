"""``plait search``: the passages that the pipeline finds, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from plait.cli.options import IndexOption, JsonFlag, NoPluginsFlag, PipelineOption
from plait.cli.output import console, one_line, print_json, wait

if TYPE_CHECKING:
    from plait.contracts import Hit, IndexView

__all__ = ["search"]


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
        "strands": [
            {"retriever": s.retriever, "rank": s.rank, "score": s.score, "share": s.share} for s in hit.strands
        ],
    }


def _print_hits(hits: Any, view: IndexView, explain: bool) -> None:
    from rich.text import Text

    shown = console()
    if not hits:
        shown.print("nothing found")
    for number, hit in enumerate(hits, start=1):
        passage = view.passage(hit.row)
        head = Text.assemble(
            f"{number:>2}  ",
            (one_line(view.title(hit.document_id)), "bold"),
            f"  {one_line(hit.passage_id)}  {hit.score:.4f}",
        )
        shown.print(head, soft_wrap=True)
        if explain:
            for strand in hit.strands:
                shown.print(
                    f"      {strand.retriever}: rank {strand.rank}, score {strand.score:.4f}, "
                    f"gave {strand.share:.4f} ({strand.share / hit.score if hit.score else 0:.0%})",
                    style="cyan",
                )
        snippet = " ".join(passage.text.split())
        shown.print(f"      {snippet[:240]}{'...' if len(snippet) > 240 else ''}", markup=False, style="dim")
