"""``plait train``: docgraph, gate, late, reader, retriever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from plait.cli.output import IndexOption, JsonFlag, PipelineOption, console, print_json, progress

if TYPE_CHECKING:
    from rich.table import Table

    from plait.training.docgraph import DocgraphReport
    from plait.training.gate import TrainedGate
    from plait.training.late import LateReport
    from plait.training.reader import TrainedReader
    from plait.training.retriever import TrainedRetriever

__all__ = ["app"]

app = typer.Typer(help="Learn from an index; only what is better on held-out data is kept.", no_args_is_help=True)

SeedOption = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of everything random.")]


@app.command()
def docgraph(
    index: IndexOption,
    pipeline: PipelineOption = None,
    seed: SeedOption = 0,
    held_out: Annotated[float, typer.Option(help="Share of the citations to measure on.")] = 0.2,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Teach the document graph: structural vectors, their fusion with text, and the walk along citations.

    Exit status 3 says that nothing was better than before, and the index is as it was.
    """
    from plait.rag import open_index
    from plait.training.docgraph import train_docgraph

    with open_index(index, pipeline) as rag, progress(as_json) as told:
        report = train_docgraph(rag, seed=seed, held_out=held_out, resume=resume, told=told)
    _tell(report, _print_docgraph, as_json)


@app.command()
def gate(
    index: IndexOption,
    pipeline: PipelineOption = None,
    seed: SeedOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Calibrate the gate for this index's embedder: which similarity is near enough to answer from.

    Exit status 3 says that nothing was kept, and the index is as it was.
    """
    from plait.rag import open_index
    from plait.training.gate import train_gate

    with open_index(index, pipeline) as rag, progress(as_json) as told:
        found = train_gate(rag, seed=seed, told=told)
    _tell(found, _print_gate, as_json)


@app.command()
def late(
    index: IndexOption,
    pipeline: PipelineOption = None,
    seed: SeedOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Teach the ranker 'late' on questions made of the index itself: a sentence asks for the rest of its passage.

    Exit status 3 says that it found no more than before, and the index is as it was.
    """
    from plait.rag import open_index
    from plait.training.late import train_late

    with open_index(index, pipeline) as rag, progress(as_json) as told:
        found = train_late(rag, seed=seed, told=told)
    _tell(found, _print_late, as_json)


@app.command()
def reader(
    index: IndexOption,
    pipeline: PipelineOption = None,
    seed: SeedOption = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Of training. Default: 240.")] = None,
    pairs: Annotated[
        Path | None, typer.Option("--pairs", help="JSON Lines with question and answer, to learn from as well.")
    ] = None,
    text_control: Annotated[
        bool,
        typer.Option("--text-control", help="Also teach it with text vectors: what links add. Twice as long."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Teach the pipeline's language model, which itself stays as it is, to read structure.

    With 'transformers' as soft tokens, with 'fusion-in-decoder' between encoder and decoder.

    Exit status 3 says that it was not kept, and the index is as it was.
    """
    from plait.rag import open_index
    from plait.training.reader import train_reader_of

    with open_index(index, pipeline) as rag, progress(as_json) as told:
        found = train_reader_of(rag, seed=seed, steps=steps, pairs=pairs, text_control=text_control, told=told)
    _tell(found, _print_reader, as_json)


@app.command()
def retriever(
    index: IndexOption,
    pairs: Annotated[
        Path, typer.Option("--pairs", help="JSON Lines with question, answer and, where known, documents.")
    ],
    pipeline: PipelineOption = None,
    retriever: Annotated[
        str | None, typer.Option("--retriever", help="Its label in the pipeline. Default: the first that is dense.")
    ] = None,
    seed: SeedOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Teach dense retrieval to find what helps the pipeline's language model with known answers.

    Exit status 3 says that it was not kept, and the index is as it was.
    """
    from plait.rag import open_index
    from plait.training.retriever import train_retriever

    with open_index(index, pipeline) as rag, progress(as_json) as told:
        found = train_retriever(rag, pairs, retriever=retriever, seed=seed, told=told)
    _tell(found, _print_retriever, as_json)


Report = TypeVar("Report", bound="Outcome")


class Outcome(Protocol):
    """What a training found, and the commit that uses it."""

    @property
    def commit(self) -> int | None:
        """None where nothing is kept."""
        ...

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        ...


def _tell(found: Report, show: Callable[[Report], None], as_json: bool) -> None:
    """Prints a report; exit status 3 where nothing is kept."""
    if as_json:
        print_json(found.to_json())
    else:
        show(found)
    if found.commit is None:
        raise typer.Exit(3)


def _table(*headers: str) -> Table:
    """A table of names and, right of them, figures."""
    from rich.table import Table

    table = Table(headers[0], box=None)
    for header in headers[1:]:
        table.add_column(header, justify="right")
    return table


def _kept(commit: int | None) -> str:
    return "not kept: the index is as it was" if commit is None else f"in use from commit {commit} on"


def _print_gate(found: TrainedGate) -> None:
    printed = console()
    for name, value in found.report.items():
        if value != "":
            printed.print(f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}", markup=False)
    printed.print(f"{_kept(found.commit)} ({found.cpu_seconds:.1f} CPU-s)")


def _print_retriever(found: TrainedRetriever) -> None:
    from rich.markup import escape

    printed, report = console(), found.report
    judged = [] if report.ndcg is None else ["nDCG@10"]
    table = _table("retriever", "best passage", f"best {report.passages}", *judged)
    for name, row in report.rows.items():
        figures = [f"{row.first:.4f}", f"{row.best:.4f}", *([] if row.ndcg is None else [f"{row.ndcg:.4f}"])]
        table.add_row(name, *figures)
    cut = f", {report.cut:,} of them cut to fit" if report.cut else ""
    printed.print(
        f"{escape(report.reader)} has read {report.scored:,} passages for {report.questions:,} questions{cut}; "
        "log-likelihood of the answer per token, given what is found:",
        soft_wrap=True,
    )
    printed.print(table)
    for reason in report.reasons:
        printed.print(reason, soft_wrap=True)
    spent = f"{report.cpu_seconds:.1f} CPU-s, of these {report.reading_cpu_seconds:.1f} to read"
    printed.print(f"column {report.column}: {_kept(found.commit)} ({spent}, {report.folds} folds, seed {report.seed})")


def _print_late(report: LateReport) -> None:
    printed = console()
    shown = ", ".join(f"{name} {value:.4f}" for name, value in report.scores.items())
    gain, error = report.gain
    printed.print(
        f"{report.questions:,} questions made of the index; mean reciprocal rank of their own passage for "
        f"{report.held_out:,} of other documents: {shown}; gain {gain:+.4f} (standard error {error:.4f})",
        soft_wrap=True,
    )
    if report.reason:
        printed.print(report.reason, soft_wrap=True)
    printed.print(f"{_kept(report.commit)} ({report.cpu_seconds:.1f} CPU-s, seed {report.seed})")


def _print_reader(found: TrainedReader) -> None:
    printed, report = console(), found.report
    names = ["held out", "asked", "structure", "shuffled", "gate off", "majority", "chance"]
    table = _table(*names, *([] if report.probe.text is None else ["text"]))
    for probe in (*report.kinds.values(), report.probe):
        figures = (probe.accuracy, probe.shuffled, probe.gate_off, probe.majority, probe.chance, probe.text)
        shown = (f"{figure:.3f}" for figure in figures if figure is not None)
        table.add_row(probe.kind, f"{probe.tasks:,}", *shown)
    taught = _table("learnt from", "tasks", "steps", "CPU-s")
    taught.add_column("on the way")
    for lesson in report.lessons.values():
        trial, said = lesson.trial, ""
        if trial is not None:
            told = "goes on" if trial.passed else f"says nothing, given up after step {trial.step}"
            said = f"{trial.gain:+.3f} ± {trial.error:.3f} nats beyond shuffled: {told}"
        taught.add_row(lesson.kind, f"{lesson.tasks:,}", str(lesson.steps), f"{lesson.cpu_seconds:.1f}", said)
    printed.print(taught)
    printed.print("from structure alone, share of right answers:")
    printed.print(table)
    for reason in report.reasons:
        printed.print(reason, soft_wrap=True)
    spent = f"{report.cpu_seconds:.1f} CPU-s, of these {report.judging_cpu_seconds:.1f} to judge"
    gate = "no gate" if report.gate is None else f"gate {report.gate:.2f}"
    printed.print(f"{_kept(found.commit)} ({spent}, {gate}, seed {report.seed})")


def _print_docgraph(report: DocgraphReport) -> None:
    printed = console()
    encoder, walk = report.encoder, report.walk
    if encoder is not None:
        table = _table("held-out links", "link AUC", "Hits@10")
        for name, scores in encoder.scores.items():
            table.add_row(name, f"{scores.auc:.4f}", f"{scores.hits_at_10:.4f}")
        printed.print(f"trained on {encoder.links:,} links, measured on {encoder.held_out:,} others")
        printed.print(table)
        low, high = min(encoder.gain.controls), max(encoder.gain.controls)
        printed.print(f"link AUC over text: {encoder.gain.value:+.4f}; shuffled graphs {low:+.4f} to {high:+.4f}")
        kept = f"not kept: {encoder.reason}" if encoder.reason else "kept"
        printed.print(f"structural vectors: {kept}", soft_wrap=True)
    if walk.scores:
        shown = ", ".join(f"{name} {value:.4f}" for name, value in walk.scores.items())
        printed.print(
            f"walk: hidden references of {walk.documents:,} documents, found by their titles, nDCG@10: {shown}",
            soft_wrap=True,
        )
        for name, gain in walk.gains.items():
            printed.print(
                f"walk, {name}: {gain.value:+.4f} over text (standard error {gain.error:.4f}); shuffled graphs gain "
                f"{min(gain.controls):+.4f} to {max(gain.controls):+.4f}",
                soft_wrap=True, markup=False,
            )  # fmt: skip
    earned = f"kept; it counts {walk.earned.titles:g} for a title, {walk.earned.questions:g} for a question"
    printed.print(f"walk: not kept: {walk.reason}" if walk.reason else f"walk: {earned}", soft_wrap=True)
    for what in report.out_of_use:
        printed.print(what, soft_wrap=True)
    where = "the index is as it was" if report.commit is None else f"in use from commit {report.commit} on"
    printed.print(f"{where} ({report.cpu_seconds:.1f} CPU-s, seed {report.seed})")
