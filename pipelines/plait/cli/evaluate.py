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


class PoolFrom(StrEnum):
    """Where the candidates of each query come from."""

    FILE = "file"
    JUDGED = "judged"


class UnjudgedDocuments(StrEnum):
    """What a document that nobody judged counts as."""

    IRRELEVANT = "irrelevant"
    DROPPED = "dropped"


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
        list[str] | None,
        typer.Option(
            help="Which judgements: a file of qrels/, or several (a,b). Default: test, or the only one.",
            show_default=False,
        ),
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
        bool, typer.Option("--exclude-self", help="Leave the document that is itself the query out of its run.")
    ] = False,
    exclude_self_in: Annotated[
        list[str] | None,
        typer.Option(help="Of several collections, one that --exclude-self is for.", show_default=False),
    ] = None,
    pool: Annotated[
        PoolFrom | None,
        typer.Option(
            help="Each query ranks its own candidates: of pools/<split>.tsv ('file') or what was judged for it "
            "('judged').",
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            help="What is measured, such as nDCG@10 or bpref; may be given several times. "
            "Default: nDCG@10, recall@100, MRR@10; in pools nDCG%20, nDCG-jk%20, R-precision, MAP.",
            show_default=False,
        ),
    ] = None,
    relevant_from: Annotated[
        int, typer.Option(min=1, help="The grade from which a document is relevant, in all measures but nDCG.")
    ] = 1,
    unjudged: Annotated[
        UnjudgedDocuments, typer.Option(help="'dropped' takes documents that nobody judged out of the rankings first.")
    ] = UnjudgedDocuments.IRRELEVANT,
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

    splits = [name.strip() for each in split or () for name in each.split(",") if name.strip()] or None
    if answers:
        _refuse(
            {
                "--calibrate": calibrate,
                "--run": run_out,
                "--exclude-self": exclude_self,
                "--exclude-self-in": exclude_self_in,
                "--pool": pool,
                "--measure": measure,
                "--relevant-from": relevant_from > 1,
                "--unjudged": unjudged is UnjudgedDocuments.DROPPED,
                "a second split": len(splits or ()) > 1,
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
                split=splits[0] if splits else None,
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
        "split": splits,
        "pipeline": pipeline,
        "calibrate": calibrate,
        "json_out": json_out,
        "measures": measure,
        "pool": pool.value if pool else None,
        "relevant_from": relevant_from,
        "unjudged": unjudged.value,
        "seed": seed,
        "host": PluginHost.discover(third_party=not no_plugins),
    }
    if len(collections) > 1 or baseline:
        if run_out:
            raise typer.BadParameter("one run is of one collection and one pipeline", param_hint="--run")
        from plait.evaluation.retrieval.comparing import evaluate_collections
        from plait.evaluation.retrieval.comparison_report import render_comparison

        with progress(quiet=False) as told:
            found = evaluate_collections(
                collections,
                baselines=baseline or (),
                indexes=index,
                exclude_self=exclude_self or exclude_self_in or False,
                progress=told,
                **asked,
            )
        console().print(render_comparison(found))
        return
    if exclude_self_in:
        raise typer.BadParameter("with one collection it is --exclude-self", param_hint="--exclude-self-in")
    from plait.evaluation.retrieval.command import evaluate_collection
    from plait.evaluation.retrieval.reports import render

    with progress(quiet=False) as told:
        evaluation = evaluate_collection(
            collections[0], index=index, run_out=run_out, exclude_self=exclude_self, progress=told, **asked
        )
    console().print(render(evaluation))


def _refuse(options: dict[str, object], why: str) -> None:
    """Options of the other kind of evaluation are mistakes, not noise."""
    for name, value in options.items():
        if value:
            raise typer.BadParameter(f"{why} --answers", param_hint=name)
