"""``plait explain``: what text and structure gave to each hit, and the edges that carried it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from plait.cli.options import IndexOption, JsonFlag, NoPluginsFlag, PipelineOption
from plait.cli.output import console, one_line, print_json, wait

if TYPE_CHECKING:
    from plait.rag.explaining import Explanation

__all__ = ["explain"]

_LED = {"cites": "cites", "cited_by": "is cited by", "same_as": "is the same as"}


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
        _print(explanation)


def _print(explanation: Explanation) -> None:
    from rich.text import Text

    shown = console()
    if not explanation.hits:
        shown.print("nothing found")
    for number, found in enumerate(explanation.hits, start=1):
        hit = found.hit
        shown.print(
            Text.assemble(
                f"{number:>2}  ", (one_line(found.title), "bold"), f"  {one_line(hit.passage_id)}  {hit.score:.4f}"
            ),
            soft_wrap=True,
        )
        scores = {"text": found.text, "structure": found.structure, "fused": found.fused}
        line = ", ".join(f"{name} {value:.4f}" for name, value in scores.items() if value is not None)
        if found.structure is not None and not found.has_structure:
            line += " (tied to no other document: its structure is its text)"
        shown.print(f"      {line}", style="cyan", soft_wrap=True)
        ranks = ", ".join(f"{s.retriever} {s.rank} (gave {s.share:.4f})" for s in hit.strands)
        shown.print(f"      ranks: {ranks}", style="cyan", soft_wrap=True, markup=False)
        for edge in found.edges:
            led = _LED.get(edge.relation, f"{edge.relation.removeprefix('co_')} shared with")
            weight = f" x {edge.weight:g}" if edge.weight != 1 else ""
            shown.print(
                f"      {led}{weight} {one_line(edge.document_id)}  {one_line(edge.title)}  (text {edge.text:.4f}, "
                f"carried {edge.carried:.4f})",
                markup=False, style="dim", soft_wrap=True,
            )  # fmt: skip
    if any(found.structure is not None for found in explanation.hits) and not explanation.trained:
        shown.print("nothing is trained on this index yet: 'plait train docgraph' lets structure into the vectors")
