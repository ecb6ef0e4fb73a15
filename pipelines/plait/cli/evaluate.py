"""``plait evaluate``: how well a pipeline retrieves on a judged collection, or how well it answers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from plait.cli.output import NoPluginsFlag, PipelineOption, console, progress

__all__ = ["evaluate"]


class EvidenceSource(StrEnum):
    """Where the passages of ``--answers`` come from."""

    RETRIEVED = "retrieved"
    GIVEN = "given"


def evaluate(
    collections: Annotated[
        list[Path],
        typer.Argument(
            metavar="COLLECTION...",
            help="Folders with corpus.jsonl, queries.jsonl and qrels/. With --answers one, or a file of questions.",
            show_default=False,
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(help="Which judgements: a file of qrels/. Default: test, or the only one.", show_default=False),
    ] = None,
    pipeline: PipelineOption = None,
    baseline: Annotated[
        list[Path] | None,
        typer.Option(help="A pipeline to compare with; may be given several times.", show_default=False),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(
            "--index",
            help="Where to keep the index; with several collections or --baseline a folder of indexes. "
            "Default: a temporary folder.",
            show_default=False,
        ),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(
            help="Fit the fusion's weights on this other split first, and print them.",
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
    answers: Annotated[
        bool, typer.Option("--answers", help="Ask every query and judge the answers and their citations.")
    ] = False,
    evidence: Annotated[
        EvidenceSource,
        typer.Option(help="With --answers: 'given' lets each question read its relevant documents, unsearched."),
    ] = EvidenceSource.RETRIEVED,
    against: Annotated[
        Path | None,
        typer.Option(help="With --answers: a second pipeline to compare with.", show_default=False),
    ] = None,
    documents: Annotated[
        Path | None,
        typer.Option(help="With --answers and a file of questions: the documents to index.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="With --answers: ask only the first questions.", show_default=False)
    ] = None,
    no_plugins: NoPluginsFlag = False,
) -> None:
    """Measure retrieval (nDCG@10, recall@100, MRR@10 of every retriever and their fusion) or, with --answers, answers.

    Every figure has a 95 % bootstrap interval. Several collections, or a --baseline, make one table of differences.
    """
    from plait.hooks import PluginHost

    if answers:
        _refuse(
            {
                "--calibrate": calibrate,
                "--run": run_out,
                "--exclude-self": exclude_self,
                "--baseline": baseline,
                "a second collection": collections[1:],
            },
            "does not go with",
        )
        from plait.evaluation.answers.answer_command import evaluate_answers
        from plait.evaluation.answers.answer_reports import render_answers

        with progress(quiet=False) as told:
            judged = evaluate_answers(
                collections[0],
                split=split,
                pipeline=pipeline,
                other=against,
                index=index,
                documents=documents,
                evidence=evidence.value,
                limit=limit,
                json_out=json_out,
                seed=seed,
                host=PluginHost.discover(third_party=not no_plugins),
                progress=told,
            )
        console().print(render_answers(judged))
        return
    given = evidence is EvidenceSource.GIVEN
    _refuse({"--evidence": given, "--against": against, "--documents": documents, "--limit": limit}, "needs")
    asked: dict[str, Any] = {
        "split": split,
        "pipeline": pipeline,
        "calibrate": calibrate,
        "json_out": json_out,
        "exclude_self": exclude_self,
        "seed": seed,
        "host": PluginHost.discover(third_party=not no_plugins),
    }
    if len(collections) > 1 or baseline:
        if run_out:
            raise typer.BadParameter("one run is of one collection and one pipeline", param_hint="--run")
        from plait.evaluation.retrieval.comparing import evaluate_collections
        from plait.evaluation.retrieval.comparison_report import render_comparison

        with progress(quiet=False) as told:
            found = evaluate_collections(collections, baselines=baseline or (), indexes=index, progress=told, **asked)
        console().print(render_comparison(found))
        return
    from plait.evaluation.retrieval.command import evaluate_collection
    from plait.evaluation.retrieval.reports import render

    with progress(quiet=False) as told:
        evaluation = evaluate_collection(collections[0], index=index, run_out=run_out, progress=told, **asked)
    console().print(render(evaluation))


def _refuse(options: dict[str, object], why: str) -> None:
    """Options of the other kind of evaluation are mistakes, not noise."""
    for name, value in options.items():
        if value:
            raise typer.BadParameter(f"{why} --answers", param_hint=name)
