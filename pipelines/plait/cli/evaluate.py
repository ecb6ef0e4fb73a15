"""``plait evaluate``: how well a pipeline retrieves on a judged collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plait.cli.options import NoPluginsFlag, PipelineOption
from plait.cli.output import console, progress

__all__ = ["evaluate"]


def evaluate(
    collection: Annotated[
        Path, typer.Argument(help="Folder with corpus.jsonl, queries.jsonl and qrels/.", show_default=False)
    ],
    split: Annotated[str, typer.Option(help="Which judgements: a file of qrels/.")] = "test",
    pipeline: PipelineOption = None,
    index: Annotated[
        Path | None,
        typer.Option("--index", help="Where to keep the index. Default: a temporary folder.", show_default=False),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(
            help="Fit the fusion's weights and its guard on this other split first, and print them.",
            show_default=False,
        ),
    ] = None,
    exclude_self: Annotated[
        bool, typer.Option("--exclude-self", help="Leave the document with the query's own id out of its run.")
    ] = False,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="File for the report as JSON.", show_default=False)
    ] = None,
    run_out: Annotated[
        Path | None, typer.Option("--run", help="File for the fused run in TREC's columns.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of bootstrap and randomisation.")] = 0,
    no_plugins: NoPluginsFlag = False,
) -> None:
    """Measure nDCG@10, recall@100 and MRR@10 of every retriever and of their fusion, with 95 % intervals."""
    from plait.evaluation.command import evaluate_collection
    from plait.evaluation.reports import render
    from plait.hooks import PluginHost

    with progress(quiet=False) as told:
        evaluation = evaluate_collection(
            collection,
            split=split,
            pipeline=pipeline,
            index=index,
            calibrate=calibrate,
            json_out=json_out,
            run_out=run_out,
            exclude_self=exclude_self,
            seed=seed,
            host=PluginHost.discover(third_party=not no_plugins),
            progress=told,
        )
    console().print(render(evaluation))
