"""``plait ask``: an answer, its citations with the quoted spans, and where the time went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from plait.cli.output import (
    IndexOption,
    JsonFlag,
    NoPluginsFlag,
    PipelineOption,
    console,
    counted,
    one_line,
    print_json,
    wait,
)

if TYPE_CHECKING:
    from plait.contracts import Answer

__all__ = ["ask"]


def ask(
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    index: IndexOption,
    pipeline: PipelineOption = None,
    no_plugins: NoPluginsFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Answer a question from the indexed documents, or say that they do not answer it."""
    from plait.hooks import PluginHost
    from plait.rag import open_index

    host = PluginHost.discover(third_party=not no_plugins)
    with open_index(index, pipeline, host=host) as rag, wait("reading", as_json):
        answer = rag.ask(question)
    if as_json:
        print_json(answer_json(answer))
    else:
        _print_answer(answer)


def answer_json(answer: Answer) -> dict[str, Any]:
    """The answer as JSON values."""
    from dataclasses import asdict

    return {
        "question": answer.question,
        "text": answer.text,
        "declined": answer.declined,
        "finish_reason": answer.finish_reason,
        "sentences": [{**asdict(sentence), "supported": sentence.supported} for sentence in answer.sentences],
        "hits": [{"passage": hit.passage_id, "score": hit.score} for hit in answer.hits],
        "stages": [asdict(stage) for stage in answer.trace.stages],
    }


def _print_answer(answer: Answer) -> None:
    from rich.text import Text

    shown = console()
    shown.print()
    if answer.declined:
        shown.print(answer.text, style="yellow", markup=False)
    for sentence in answer.sentences:
        line = Text(sentence.text)
        marks = sorted({citation.number for citation in sentence.citations})
        line.append("".join(f" [{mark}]" for mark in marks), "bold cyan")
        if sentence.verdict != "supported":
            line.append(f"  ({sentence.verdict}: {sentence.reason})", "bold red")
        shown.print(line, soft_wrap=True)
    if answer.finish_reason == "length":
        shown.print(f"\n{_cut_off(answer)}", style="bold red", markup=False, soft_wrap=True)
    if answer.citations:
        shown.print("\n[bold]Citations[/] (each re-opened from the stored document)")
    for citation in answer.citations:
        span = f"{one_line(citation.span.document_id)}, characters {citation.span.start}-{citation.span.end}"
        shown.print(
            Text.assemble((f"[{citation.number}] ", "bold cyan"), one_line(citation.title), (f"  {span}", "dim")),
            soft_wrap=True,
        )
        shown.print(Text(f"    “{' '.join(citation.quote.split())}”", "italic"), soft_wrap=True)
    shown.print("\n[bold]Time[/]")
    for stage in answer.trace.stages:
        detail = ", ".join(f"{key} {_short(value)}" for key, value in stage.detail.items() if value not in ("", []))
        wall, cpu = stage.wall_seconds * 1e3, stage.cpu_seconds * 1e3
        shown.print(
            f"  {stage.name:<10} {wall:8.1f} ms wall {cpu:8.1f} ms CPU  {one_line(detail)}",
            markup=False,
            soft_wrap=True,
            style="dim",
        )


def _cut_off(answer: Answer) -> str:
    tokens = (stage.detail.get("completion_tokens") for stage in answer.trace.stages if stage.name == "generate")
    after = next((f" after {counted(number, 'token')}" for number in tokens if number), "")
    return f"The answer was cut off{after}: raise answer.max_tokens for a whole one."


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} {_short(item)}" for key, item in value.items()) + "}"
    return str(value)
