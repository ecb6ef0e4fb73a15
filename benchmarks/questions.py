"""Asks every question of examples/questions.jsonl and holds the result against the bars.

    python benchmarks/questions.py [--index DIR] [--pipeline FILE] [--json OUT] [--show]

Prints, by kind of question: recall@5 of the gold notes, how many citations re-open to their quote, how many answers
were declined, the share of sentences that something supports, and agreement with the gold answers. Exits with 1 when
a bar is missed. Without ``--index`` the notes are indexed into a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from plait.contracts.errors import PlaitError
from plait.evaluation.environment import environment
from plait.evaluation.questions import QuestionsReport, ask_questions, load_questions
from plait.rag import open_index

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
RECALL_BAR = 0.90
DECLINED_BAR = 5


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
    questions = load_questions(options.questions)
    with ExitStack() as stack:
        place = options.index or stack.enter_context(TemporaryDirectory(prefix="plait-questions-"))
        rag = stack.enter_context(open_index(place, pipeline=options.pipeline))
        summary = rag.add(options.notes)
        for failure in summary.failures:
            print(f"could not index: {failure}", file=sys.stderr)
        strangers = {note for question in questions for note in question.documents} - set(rag.view.document_ids)
        if strangers:
            print(f"gold notes that are not in the index: {', '.join(sorted(strangers))}", file=sys.stderr)
            return 1
        cpu, wall = time.process_time(), time.perf_counter()
        report = ask_questions(rag, questions)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        generator = rag.pipeline.generator.name
    held = bars(report)
    console = Console(highlight=False, width=120)
    console.print(table(report), bars_table(held))
    each = len(questions)
    console.print(
        f"generator {generator}; retrieve + ask: {1e3 * cpu / each:.0f} CPU-ms, {1e3 * wall / each:.0f} ms a question"
    )
    console.print(_line(environment()), style="dim")
    if options.show:
        show(report, console)
    if options.json:
        value = {
            "bars": [
                {"what": bar.what, "wanted": bar.wanted, "found": bar.found, "passed": bar.passed} for bar in held
            ],
            "all": report.summary(),
            "by_kind": {kind: report.of_kind(kind).summary() for kind in report.kinds()},
            "cpu_ms_per_question": 1e3 * cpu / each,
            "generator": generator,
            "environment": environment(),
            "answers": answers(report),
        }
        options.json.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0 if all(bar.passed for bar in held) else 1


def bars(report: QuestionsReport) -> list[Bar]:
    """The bars and whether each is met."""
    recall, cited, counts = report.recall or 0.0, report.citations, report.refusals
    return [
        Bar(f"recall@{report.k} of gold notes", f">= {RECALL_BAR:.2f}", f"{recall:.4f}", recall >= RECALL_BAR),
        Bar(
            "citations re-opened to their quote",
            f"all, and at least one ({cited.total})",
            str(cited.reopened),
            cited.total > 0 and not cited.broken,
        ),
        Bar(
            "unanswerable questions declined",
            f"all {counts.unanswerable}",
            str(counts.unanswerable_declined),
            counts.unanswerable > 0 and counts.unanswerable_declined == counts.unanswerable,
        ),
        Bar(
            "answerable questions declined",
            f"<= {DECLINED_BAR} of {counts.answerable}",
            str(counts.answerable_declined),
            counts.answerable_declined <= DECLINED_BAR,
        ),
    ]


def table(report: QuestionsReport) -> Table:
    shown = Table(title="Questions about the example corpus", title_justify="left")
    headings = ["kind", "asked", f"recall@{report.k}", "re-opened", "declined", "supported", "cite gold"]
    for heading in (*headings, "F1", "gold tokens", "contains gold"):
        shown.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind in report.kinds():
        shown.add_row(kind, *_row(report.of_kind(kind)))
    shown.add_section()
    shown.add_row("all", *_row(report))
    return shown


def bars_table(held: Sequence[Bar]) -> Table:
    shown = Table(title="Bars", title_justify="left")
    for heading in ("what", "wanted", "found", ""):
        shown.add_column(heading)
    for bar in held:
        shown.add_row(bar.what, bar.wanted, bar.found, "[green]met[/]" if bar.passed else "[bold red]MISSED[/]")
    return shown


def show(report: QuestionsReport, console: Console) -> None:
    """Prints the questions that went wrong."""
    for one in report.asked:
        question = one.question
        faults = []
        if one.recall is not None and one.recall < 1:
            faults.append(f"notes {', '.join(question.documents)}; found {', '.join(one.found)}")
        if question.answerable == one.answer.declined:
            faults.append("declined" if one.answer.declined else "answered although the corpus does not answer it")
        faults += [f"citation of {citation.span.document_id}: {why}" for citation, why in one.citations.broken]
        for fault in faults:
            console.print(f"{question.id} ({question.kind}) {question.text}\n    {fault}", markup=False, soft_wrap=True)


def answers(report: QuestionsReport) -> list[dict[str, Any]]:
    """Each question with its answer, for reading."""
    return [
        {
            "id": one.question.id,
            "kind": one.question.kind,
            "question": one.question.text,
            "gold": one.question.answer,
            "gold_documents": list(one.question.documents),
            "found": list(one.found),
            "declined": one.answer.declined,
            "answer": one.answer.text,
            "sentences": [
                {
                    "text": sentence.text,
                    "supported": sentence.supported,
                    "reason": sentence.reason,
                    "citations": [
                        {
                            "document": citation.span.document_id,
                            "start": citation.span.start,
                            "end": citation.span.end,
                            "quote": citation.quote,
                        }
                        for citation in sentence.citations
                    ],
                }
                for sentence in one.answer.sentences
            ],
            "f1": one.agreement.f1 if one.agreement else None,
        }
        for one in report.asked
    ]


def _row(report: QuestionsReport) -> list[str]:
    cited, counts = report.citations, report.refusals
    return [
        str(len(report.asked)),
        _share(report.recall),
        f"{cited.reopened}/{cited.total}",
        str(counts.answerable_declined + counts.unanswerable_declined),
        *map(_share, (report.supported, report.cited_gold, report.f1, report.gold_recall, report.contains)),
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _line(found: dict[str, Any]) -> str:
    versions = "  ".join(f"{name} {number}" for name, number in found["versions"].items())
    threads = "  ".join(f"{name} {count}" for name, count in found["threads"].items())
    return f"python {found['python']}  {versions}  cores {found['cores']}  {threads}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PlaitError as error:
        sys.exit(f"error: {error}")
