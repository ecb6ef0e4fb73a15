"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["IndexOption", "JsonFlag", "NoPluginsFlag", "PipelineOption"]

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
