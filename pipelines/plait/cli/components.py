"""``plait plugins`` and ``plait pipeline``: what is installed, and what of it a pipeline uses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plait.cli.output import JsonFlag, NoPluginsFlag, console, print_exactly, print_json

__all__ = ["pipeline", "plugins"]


def plugins(
    kind: Annotated[str | None, typer.Argument(help="Only this kind: retriever, generator, ...")] = None,
    no_plugins: NoPluginsFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """List components by kind, and every plugin that did not load with the cause."""
    from plait.contracts.errors import ConfigError, nearest
    from plait.hooks import KINDS, PluginHost

    if kind is not None and kind not in KINDS:
        close = nearest(kind, KINDS)
        raise ConfigError(f"unknown kind {kind!r}", choices=KINDS, fix=f"did you mean {close!r}" if close else None)
    host = PluginHost.discover(third_party=not no_plugins)
    found = [one for one in host.components() if kind is None or one.component.kind == kind]
    if as_json:
        print_json(
            {
                "components": [
                    {
                        "kind": one.component.kind,
                        "name": one.component.name,
                        "summary": one.component.summary,
                        "distribution": one.distribution,
                        "version": one.version,
                        "api": one.component.api,
                        "capabilities": dict(one.component.capabilities),
                    }
                    for one in found
                ],
                "problems": [str(problem) for problem in host.problems],
            }
        )
        return
    from rich.table import Table

    table = Table("kind", "name", "what it does", "from", box=None)
    for one in found:
        component = one.component
        table.add_row(component.kind, component.name, component.summary, f"{one.distribution} {one.version}")
    shown = console()
    shown.print(table)
    for problem in host.problems:
        shown.print(f"did not load: {problem}", style="red", markup=False, soft_wrap=True)


def pipeline(
    file: Annotated[Path | None, typer.Argument(help="Python or TOML file. Default: the built-in pipeline.")] = None,
    no_plugins: NoPluginsFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Validate a pipeline, every component's settings included, and print it as TOML."""
    from plait.config import dump_toml, load_pipeline, validate_pipeline
    from plait.hooks import PluginHost

    loaded = load_pipeline(file)
    named = str(file) if file is not None else "the built-in pipeline"
    validate_pipeline(loaded, PluginHost.discover(third_party=not no_plugins), where=named)
    if as_json:
        print_json(loaded.model_dump(mode="json"))
    else:
        print_exactly(dump_toml(loaded))
