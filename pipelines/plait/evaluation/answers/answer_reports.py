"""An evaluation of answers for people (tables) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from plait.evaluation.answers.answer_evaluation import (
    ANSWER_MEASURES,
    AnswerEvaluation,
    AnswerScores,
    Measured,
    of_kind,
    pooled,
)
from plait.evaluation.answers.asking import Asked
from plait.evaluation.reporting import Row, environment_lines, json_report

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

__all__ = ["answers_to_json", "render_answers"]

JUDGE = (
    "the judges of support are the pipeline's own verifiers, which also chose the citations: precision says that they "
    "hold when opened again on their own; 'tokens held' and 'citations of gold documents' are counted without them"
)


def render_answers(evaluation: AnswerEvaluation) -> Group:
    """Tables to print with ``rich``: each pipeline's figures, and its decisions by gold decision."""
    from rich.console import Group
    from rich.text import Text

    settings = evaluation.settings
    lines = [
        "95 % intervals: percentile bootstrap over questions; p, two-sided: paired randomisation for means over the "
        f"same questions, else paired bootstrap; {settings['resamples']:,} resamples, seed {settings['seed']}",
        JUDGE,
        *(_cost(system) for system in evaluation.systems),
        *environment_lines(evaluation.environment),
        *(f"note: {note}" for note in evaluation.notes),
        *(f"note, {system.label}: {note}" for system in evaluation.systems for note in system.notes),
    ]
    tables = [table for system in evaluation.systems for table in _tables(evaluation, system)]
    return Group(*tables, *(Text(line, style="dim") for line in lines))


def answers_to_json(evaluation: AnswerEvaluation) -> dict[str, Any]:
    """Everything in the evaluation as JSON values, each answer included; figures stand in ``rows`` too."""
    about = evaluation.collection
    task = ", ".join(str(about[key]) for key in ("name", "split") if key in about)
    return json_report(
        [
            Row(task, system.label, name, found.interval.mean, found.interval.low, found.interval.high)
            for system in evaluation.systems
            for name, found in system.measures.items()
        ],
        collection=dict(about),
        measures={measure.name: measure.about for measure in ANSWER_MEASURES},
        systems=[_system(system) for system in evaluation.systems],
        notes=[*evaluation.notes, JUDGE],
        settings=dict(evaluation.settings),
        environment=dict(evaluation.environment),
    )


def _asked(one: Asked) -> dict[str, Any]:
    """A question with its answer, for reading."""
    question = one.question
    return {
        "id": question.id,
        "kind": question.kind,
        "question": question.text,
        "gold": question.answer,
        "gold_documents": list(question.documents),
        "gold_decision": question.decision,
        "decision": asdict(one.decision) if one.decision else None,
        "found": None if one.found is None else list(one.found),
        "declined": one.answer.declined,
        "finish_reason": one.answer.finish_reason,
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


def stage_milliseconds(system: AnswerScores) -> dict[str, float]:
    """Mean CPU milliseconds a question of each stage, from the answers' traces; what is declined has no later ones."""
    spent: dict[str, float] = {}
    for one in system.asked.asked:
        for stage in one.answer.trace.stages:
            spent[stage.name] = spent.get(stage.name, 0.0) + 1e3 * stage.cpu_seconds
    return {name: took / len(system.asked.asked) for name, took in spent.items()}


def _cost(system: AnswerScores) -> str:
    stages = (f"{name} {took:,.1f}" for name, took in stage_milliseconds(system).items())
    return f"CPU milliseconds a question by stage, {system.label}: {', '.join(stages)}"


def _tables(evaluation: AnswerEvaluation, system: AnswerScores) -> Iterator[Table]:
    from rich.markup import escape
    from rich.table import Table

    about, count = evaluation.collection, len(system.asked.asked)
    each = 1e3 / count if count else 0.0
    shown = Table(
        title=f"{escape(about['name'])}: answers of {escape(system.label)} to {count:,} questions, evidence "
        f"{evaluation.settings['evidence']}, {each * system.cpu_seconds:,.0f} CPU-ms a question",
        title_justify="left",
    )
    shown.add_column("measure")
    for heading in ("figure", "95 % interval", "of"):
        shown.add_column(heading, justify="right")
    baselines = list(dict.fromkeys(name for found in system.measures.values() for name in found.against))
    for baseline in baselines:
        shown.add_column(f"against {escape(baseline)}", justify="right")
    for name, found in system.measures.items():
        shown.add_row(
            name,
            f"{found.interval.mean:.4f}",
            f"{found.interval.low:.4f} to {found.interval.high:.4f}",
            _counted(found),
            *(_against(found, baseline) for baseline in baselines),
        )
    yield shown
    if system.decisions:
        given = list(dict.fromkeys(made for row in system.decisions.values() for made in row))
        decisions = Table(title="decisions by gold decision", title_justify="left")
        decisions.add_column("gold")
        for made in given:
            decisions.add_column(made, justify="right")
        for gold, row in system.decisions.items():
            decisions.add_row(gold, *(str(row.get(made, 0)) for made in given))
        yield decisions


def _counted(found: Measured) -> str:
    if found.unit == "questions":
        return f"{found.questions:,} questions"
    return f"{found.count:,} {found.unit} in {found.questions:,} answers"


def _against(found: Measured, baseline: str) -> str:
    told = found.against.get(baseline)
    return "" if told is None else f"{told.difference:+.4f} (p {told.p:.4f})"


def _system(system: AnswerScores) -> dict[str, Any]:
    kinds = of_kind(system.asked.asked)
    return {
        "label": system.label,
        "measures": {
            name: {
                "figure": found.interval.mean,
                "low": found.interval.low,
                "high": found.interval.high,
                "questions": found.questions,
                "count": found.count,
                "unit": found.unit,
                "against": [asdict(told) for told in found.against.values()],
            }
            for name, found in system.measures.items()
        },
        "by_kind": {
            kind: {name: measure.figure for name, measure in pooled(asked).items()} for kind, asked in kinds.items()
        },
        "decisions": {gold: dict(row) for gold, row in system.decisions.items()},
        "cpu_seconds": system.cpu_seconds,
        "cpu_ms_by_stage": stage_milliseconds(system),
        "wall_seconds": system.wall_seconds,
        "notes": list(system.notes),
        "answers": [_asked(one) for one in system.asked.asked],
    }
