"""The ``plait`` command: its sub-commands, and how errors reach the person who typed it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import typer

from plait.cli import ask, components, evaluate, graph, index, search, train
from plait.cli.output import console
from plait.contracts.errors import PlaitError

__all__ = ["app", "main"]

app = typer.Typer(
    name="plait",
    help="Index papers, search them, and ask questions whose every citation is re-opened and checked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(index.app, name="index")
app.add_typer(graph.app, name="graph")
app.add_typer(train.app, name="train")
app.command("search")(search.search)
app.command("explain")(search.explain)
app.command("ask")(ask.ask)
app.command("evaluate")(evaluate.evaluate)
app.command("plugins")(components.plugins)
app.command("pipeline")(components.pipeline)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line.

    An error that Plait raises on purpose is printed without a traceback and ends with exit status 1; with
    ``--json`` it is a JSON object on standard error.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot show a character gets its escape
            stream.reconfigure(errors="backslashreplace")
    try:
        app(given, prog_name="plait")
    except PlaitError as error:
        if "--json" in given:
            print(json.dumps({"error": _as_json(error)}), file=sys.stderr)  # noqa: T201 - the command's output
        else:
            from rich.markup import escape

            console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted; what was committed before stays", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (``plait search ... | head``): not an error of ours.
        sys.stderr.close()
        sys.exit(0)


def _as_json(error: PlaitError) -> dict[str, object]:
    return {
        "type": type(error).__name__,
        "message": error.message,
        "where": error.where,
        "choices": list(error.choices),
        "fix": error.fix,
    }
