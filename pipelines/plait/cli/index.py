"""``plait index``: add, remove, rebuild, versions, diff, rollback, check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    progress,
)

if TYPE_CHECKING:
    from plait.rag.ingest_summary import IngestSummary

__all__ = ["app"]

app = typer.Typer(help="Write to an index, look at its history, check it.", no_args_is_help=True)


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders.", show_default=False)],
    index: IndexOption,
    pipeline: PipelineOption = None,
    prune: Annotated[bool, typer.Option(help="Also remove documents whose file is gone.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0, max=86_400, help="Seconds to wait while another process writes.")
    ] = 10.0,
    no_plugins: NoPluginsFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Add what is new or changed under PATHS; unchanged files cost a hash.

    Exit status 2 says that some documents could not be added; the others were.
    """
    from plait.hooks import PluginHost
    from plait.rag import open_index

    host = PluginHost.discover(third_party=not no_plugins)
    with open_index(index, pipeline, host=host) as rag, progress(as_json) as told:
        summary = rag.add(*paths, prune=prune, progress=told, timeout=timeout)
    _print_summary(summary, as_json)


@app.command()
def remove(
    ids: Annotated[list[str], typer.Argument(help="Document ids.", show_default=False)],
    index: IndexOption,
    as_json: JsonFlag = False,
) -> None:
    """Remove documents by id."""
    from plait.rag import open_index

    with open_index(index) as rag:
        _print_summary(rag.remove(*ids), as_json)


@app.command()
def rebuild(index: IndexOption, pipeline: PipelineOption = None, as_json: JsonFlag = False) -> None:
    """Cut and encode all stored documents again, for another embedder, chunker or set of retrievers."""
    from plait.rag import open_index

    with open_index(index, pipeline) as rag, progress(as_json) as told:
        summary = rag.rebuild(progress=told)
    _print_summary(summary, as_json)


@app.command()
def versions(index: IndexOption, as_json: JsonFlag = False) -> None:
    """List the commits that are kept, newest first."""
    from plait.index import Index

    commits = Index.open(index).versions()
    if as_json:
        print_json([commit.to_json() for commit in commits])
        return
    from rich.table import Table

    table = Table("commit", "created", "documents", "passages", "what", box=None)
    for commit in commits:
        counts = commit.counts
        table.add_row(
            str(commit.number), commit.created, str(counts["documents"]), str(counts["passages"]), commit.message
        )
    console().print(table)


@app.command()
def diff(
    older: Annotated[int, typer.Argument(help="A commit number.")],
    newer: Annotated[int, typer.Argument(help="A later commit number.")],
    index: IndexOption,
    as_json: JsonFlag = False,
) -> None:
    """Say which documents differ between two commits."""
    from plait.index import Index

    difference = Index.open(index).diff(older, newer)
    changes = {"added": difference.added, "removed": difference.removed, "changed": difference.changed}
    if as_json:
        print_json({what: list(ids) for what, ids in changes.items()})
        return
    shown = console()
    for what, ids in changes.items():
        shown.print(f"{what} {len(ids)}: {', '.join(map(one_line, ids)) or '-'}", soft_wrap=True, markup=False)


@app.command()
def rollback(
    number: Annotated[int, typer.Argument(help="The commit to go back to.")],
    index: IndexOption,
    as_json: JsonFlag = False,
) -> None:
    """Make a new commit that shows the tables as they were at commit NUMBER."""
    from plait.index import Index

    commit = Index.open(index).rollback(number)
    if as_json:
        print_json(commit.to_json())
    else:
        console().print(f"commit {commit.number} shows what commit {number} showed")


@app.command()
def check(index: IndexOption, as_json: JsonFlag = False) -> None:
    """Verify every invariant of the index and name what is wrong. Exit status 1 when something is."""
    from plait.index import Index

    opened = Index.open(index)
    findings = opened.check()
    if as_json:
        print_json({"commit": opened.commit.number, "findings": [finding.to_json() for finding in findings]})
    elif not findings:
        counts = opened.commit.counts
        console().print(
            f"commit {opened.commit.number}: {counted(counts['documents'], 'document')}, "
            f"{counted(counts['passages'], 'passage')}, every check passed"
        )
    else:
        shown = console()
        for finding in findings:
            shown.print(str(finding), markup=False, soft_wrap=True)
    if findings:
        raise typer.Exit(1)


def _print_summary(summary: IngestSummary, as_json: bool) -> None:
    if as_json:
        print_json(summary.to_json())
    else:
        shown = console()
        shown.print(
            f"commit {summary.commit}: {len(summary.added)} added, {len(summary.updated)} updated, "
            f"{len(summary.removed)} removed, {summary.unchanged} unchanged, "
            f"{counted(summary.passages, 'passage')} written"
        )
        for label, part in summary.coverage.items():
            told = (
                "its encoder does not tell how much it reads, so that passages were measured in words"
                if part is None
                else f"{counted(part.tokens, 'token')}, {counted(part.windowed, 'passage')} read in windows, "
                f"{counted(part.unread, 'token')} in no vector"
            )
            shown.print(f"  {label}: {told}", markup=False, soft_wrap=True, style="dim")
        for (where, what), count in sorted(summary.report.skipped.items()):
            shown.print(f"  skipped {count} x {what} ({where})", markup=False, soft_wrap=True, style="dim")
        if summary.missing:
            listed = ", ".join(map(one_line, summary.missing[:10])) + (" ..." if len(summary.missing) > 10 else "")
            shown.print(
                f"  {counted(len(summary.missing), 'document stands', 'documents stand')} in the index but "
                f"{'its' if len(summary.missing) == 1 else 'their'} file is gone: {listed} "
                "(--prune removes them)",
                markup=False,
                soft_wrap=True,
            )
        for failure in summary.failures:
            shown.print(f"  failed: {one_line(str(failure))}", markup=False, soft_wrap=True, style="red")
    if summary.failures:
        raise typer.Exit(2)
