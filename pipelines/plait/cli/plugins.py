"""``plait plugins``: what is installed, from whom, and what did not load."""

from __future__ import annotations

from typing import Annotated

import typer

from plait.cli.options import JsonFlag, NoPluginsFlag
from plait.cli.output import console, print_json

__all__ = ["plugins"]


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
