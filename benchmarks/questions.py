"""Asks every question of examples/questions.jsonl and holds the result against the bars.

    python benchmarks/questions.py [--index DIR] [--pipeline FILE] [--json OUT] [--show]

The figures are those of ``plait evaluate examples/questions.jsonl --answers --documents examples/papers``, with
intervals; beside them some of them by kind of question. Exits with 1 when a bar is missed. Without ``--index`` the
notes are indexed into a temporary folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from plait.contracts.errors import PlaitError
from plait.evaluation.answers.answer_command import evaluate_answers
from plait.evaluation.answers.answer_evaluation import of_kind, pooled
from plait.evaluation.answers.answer_reports import answers_to_json, render_answers
from plait.evaluation.answers.asking import Asked
from plait.evaluation.reporting import write_json

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
RECALL_BAR = 0.90
PRECISION_BAR = 0.95
DECLINED_BAR = 5
BY_KIND = {
    "recall of documents": "recall@5",
    "citation precision": "citation precision",
    "supported sentences": "supported",
    "token F1": "F1",
    "gold tokens": "gold tokens",
    "contains gold": "contains gold",
    "refusal accuracy": "refusals",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that must hold."""

    what: str
    wanted: str
    found: str
    passed: bool


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Ask the example questions and hold the result against the bars.")
    parser.add_argument("--index", type=Path, help="index folder to use or make (default: a temporary one)")
    parser.add_argument("--pipeline", type=Path, help="Python or TOML file with the pipeline")
    parser.add_argument("--notes", type=Path, default=EXAMPLES / "papers", help="folder of notes to index")
    parser.add_argument("--questions", type=Path, default=EXAMPLES / "questions.jsonl", help="the questions")
    parser.add_argument("--json", type=Path, help="write the figures and each answer to this file")
    parser.add_argument(
        "--show", action="store_true", help="print questions whose notes were missed or that went wrong"
    )
    options = parser.parse_args(arguments)
    evaluation = evaluate_answers(
        options.questions, pipeline=options.pipeline, index=options.index, documents=options.notes
    )
    asked = evaluation.systems[0].asked.asked
    held = bars(asked)
    console = Console(highlight=False, width=120)
    console.print(render_answers(evaluation), table(asked), bars_table(held))
    if options.show:
        show(asked, console)
    if options.json:
        write_json(options.json, {**answers_to_json(evaluation), "bars": [asdict(bar) for bar in held]})
    if lost := [note for note in evaluation.notes if "gold documents" in note]:
        print(*lost, sep="\n", file=sys.stderr)
        return 1
    return 0 if all(bar.passed for bar in held) else 1


def bars(asked: Sequence[Asked]) -> list[Bar]:
    """The bars and whether each is met. What could not be measured misses its bar."""
    figures = {name: measure.figure for name, measure in pooled(asked).items()}
    recall, precision = figures["recall of documents"], figures["citation precision"]
    total, reopened = (sum(getattr(one.citations, name) for one in asked) for name in ("total", "reopened"))
    answerable = [one.answer.declined for one in asked if one.question.answerable]
    unanswerable = [one.answer.declined for one in asked if not one.question.answerable]
    return [
        _at_least("recall@5 of gold notes", RECALL_BAR, recall),
        Bar(
            "citations re-opened to their quote",
            f"all, and at least one ({total})",
            str(reopened),
            reopened == total > 0,
        ),
        _at_least("citation precision", PRECISION_BAR, precision),
        Bar(
            "unanswerable questions declined",
            f"all {len(unanswerable)}",
            str(sum(unanswerable)),
            bool(unanswerable) and sum(unanswerable) == len(unanswerable),
        ),
        Bar(
            "answerable questions declined",
            f"<= {DECLINED_BAR} of {len(answerable)}",
            str(sum(answerable)),
            sum(answerable) <= DECLINED_BAR,
        ),
    ]


def table(asked: Sequence[Asked]) -> Table:
    shown = Table(title="By kind of question", title_justify="left")
    for heading in ("kind", "asked", *BY_KIND.values()):
        shown.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, some in of_kind(asked).items():
        figures = {name: measure.figure for name, measure in pooled(some).items()}
        shown.add_row(kind, str(len(some)), *(_share(figures[name]) for name in BY_KIND))
    return shown


def bars_table(held: Sequence[Bar]) -> Table:
    shown = Table(title="Bars", title_justify="left")
    for heading in ("what", "wanted", "found", ""):
        shown.add_column(heading)
    for bar in held:
        shown.add_row(bar.what, bar.wanted, bar.found, "[green]met[/]" if bar.passed else "[bold red]MISSED[/]")
    return shown


def show(asked: Sequence[Asked], console: Console) -> None:
    """Prints the questions that went wrong."""
    for one in asked:
        question = one.question
        faults = []
        if one.recall is not None and one.recall < 1:
            faults.append(f"notes {', '.join(question.documents)}; found {', '.join(one.found or ())}")
        if question.answerable == one.answer.declined:
            faults.append("declined" if one.answer.declined else "answered although the corpus does not answer it")
        faults += [f"citation of {citation.span.document_id}: {why}" for citation, why in one.citations.broken]
        for fault in faults:
            console.print(f"{question.id} ({question.kind}) {question.text}\n    {fault}", markup=False, soft_wrap=True)


def _at_least(what: str, bar: float, found: float | None) -> Bar:
    return Bar(what, f">= {bar:.2f}", _share(found), found is not None and found >= bar)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PlaitError as error:
        sys.exit(f"error: {error}")
