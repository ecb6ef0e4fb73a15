"""``plait evaluate``: how well a pipeline retrieves on a judged collection, or how well it answers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from plait.cli.output import NoPluginsFlag, PipelineOption, console, progress

__all__ = ["evaluate"]


class EvidenceSource(StrEnum):
    """Where the passages of ``--answers`` come from."""

    RETRIEVED = "retrieved"
    GIVEN = "given"


def evaluate(
    collection: Annotated[
        Path,
        typer.Argument(
            help="Folder with corpus.jsonl, queries.jsonl and qrels/. With --answers also a file of questions.",
            show_default=False,
        ),
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

    Every figure has a 95 % bootstrap interval.
    """
    from plait.hooks import PluginHost

    if answers:
        _refuse({"--calibrate": calibrate, "--run": run_out, "--exclude-self": exclude_self}, "does not go with")
        from plait.evaluation.answers.answer_command import evaluate_answers
        from plait.evaluation.answers.answer_reports import render_answers

        with progress(quiet=False) as told:
            judged = evaluate_answers(
                collection,
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
    from plait.evaluation.retrieval.command import evaluate_collection
    from plait.evaluation.retrieval.reports import render

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


def _refuse(options: dict[str, object], why: str) -> None:
    """Options of the other kind of evaluation are mistakes, not noise."""
    for name, value in options.items():
        if value:
            raise typer.BadParameter(f"{why} --answers", param_hint=name)
