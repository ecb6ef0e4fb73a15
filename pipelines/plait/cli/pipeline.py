"""``plait pipeline``: checks a pipeline file and shows it in full, defaults included, as TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plait.cli.options import JsonFlag, NoPluginsFlag
from plait.cli.output import print_exactly, print_json

__all__ = ["pipeline"]


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
