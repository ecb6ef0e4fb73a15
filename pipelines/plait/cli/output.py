"""What commands share: options, and what they print: JSON, text, progress on anything that takes over a second.

All that is printed is made harmless first, for it repeats what stands in documents and what models write, and text
can carry commands for a terminal.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

if TYPE_CHECKING:
    from plait.rag.ingest import Progress

__all__ = [
    "IndexOption",
    "JsonFlag",
    "NoPluginsFlag",
    "PipelineOption",
    "console",
    "counted",
    "escaped",
    "harmless",
    "one_line",
    "print_exactly",
    "print_json",
    "progress",
    "wait",
]

IndexOption = Annotated[
    Path, typer.Option("--index", envvar="PLAIT_INDEX", help="Folder of the index.", show_default=False)
]
PipelineOption = Annotated[
    Path | None,
    typer.Option(
        "--pipeline",
        help="Python or TOML file with the pipeline. Default: the one the index was written with.",
        show_default=False,
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
NoPluginsFlag = Annotated[bool, typer.Option("--no-plugins", help="Leave third-party plugins out.")]


# Escape sequences begin with one of the C0 or C1 controls; the others turn the direction of writing or break a line.
# Joiners (U+200C, U+200D) stay: Persian, Hindi and many emoji are not right without them.
_BREAKS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    r"""``text`` without characters that command a terminal or hide what is written; lines and tabs stay.

    Example:
        >>> harmless("On\x1b[31m red\u202e braids\r\n")
        'On[31m red braids\n'
    """
    return _UNSAFE.sub("", _BREAKS.sub("\n", text))


def escaped(text: str) -> str:
    r"""JSON or TOML with such characters as escapes, which loses nothing: they stand in strings only.

    Example:
        >>> print(escaped('{"title": "On \u202e braids"}'))
        {"title": "On \u202e braids"}
    """
    return _UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)


class _SafeConsole(Console):
    """A console that lets its own colours and cursor movements through, and none out of what it is given."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of something to print, made harmless; everything printed comes by here."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else harmless(text), style, control)


def console(*, stderr: bool = False) -> _SafeConsole:
    """A console that does not colour numbers at random, and that documents and answers cannot command."""
    return _SafeConsole(stderr=stderr, highlight=False)


def one_line(text: str) -> str:
    r"""``text`` on one line, for a title or an id that could else pretend to be further lines of the output.

    Example:
        >>> one_line("On braids\n[2] A forged citation")
        'On braids [2] A forged citation'
    """
    return " ".join(text.split())


def counted(count: int, one: str, several: str | None = None) -> str:
    """A number and what it counts, in the form that the number asks for.

    Example:
        >>> counted(1, "edge"), counted(2_000, "edge"), counted(0, "graph is", "graphs are")
        ('1 edge', '2,000 edges', '0 graphs are')
    """
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def print_json(value: Any) -> None:
    """Prints one JSON document on standard output; its values are whole, as escapes where a terminal could obey."""
    print_exactly(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_exactly(text: str) -> None:
    """Prints JSON or TOML on standard output, for programs to read."""
    sys.stdout.write(escaped(text))


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Shows what a long run is doing, on standard error, after its first second.

    On a terminal one line is rewritten; into a file a line is written every ten seconds.
    """
    if quiet:
        yield lambda _what, _done, _all: None
        return
    from rich.markup import escape

    shown = console(stderr=True)
    start = time.monotonic()
    if shown.is_terminal:
        with shown.status("") as status:

            def update(what: str, done: int, total: int | None) -> None:
                if time.monotonic() - start > 1:
                    status.update(escape(_line(what, done, total, time.monotonic() - start)))

            yield update
    else:
        last = start

        def write(what: str, done: int, total: int | None) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= 10:
                last = now
                shown.print(_line(what, done, total, now - start), markup=False)

        yield write


@contextmanager
def wait(what: str, quiet: bool) -> Iterator[None]:
    """Shows a spinner while something of unknown length runs; nothing when not on a terminal."""
    shown = console(stderr=True)
    if quiet or not shown.is_terminal:
        yield
    else:
        with shown.status(what):
            yield


def _line(what: str, done: int, total: int | None, seconds: float) -> str:
    counted = f" {done:,} of {total:,}" if total is not None else f" ({done:,} done)" if done else ""
    return f"{what}{counted}, {seconds:.0f} s"
