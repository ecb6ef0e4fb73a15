"""A pipeline on several collections, for people (one table) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from plait.evaluation.reporting import Row, environment_lines, json_report
from plait.evaluation.retrieval.comparing import Against, Judged, SideBySide
from plait.evaluation.retrieval.evaluating import FUSED
from plait.evaluation.retrieval.reports import evaluation_json
from plait.evaluation.statistics.significance import Interval

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["comparison_json", "render_comparison"]

MEAN = "mean"
WORST = "worst loss"
BEST_LEG = "best leg"


def render_comparison(found: SideBySide) -> Group:
    """One table to print with ``rich``, and what a reader of it should know."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    legs = list(dict.fromkeys(label for each in found.collections for label in each.evaluation.legs))
    several = len(found.collections) > 1
    table = Table(title=f"{len(found.collections)} collections" if several else None, title_justify="left")
    table.add_column("collection")
    table.add_column("measure")
    for heading in (FUSED, *legs, f"- {BEST_LEG}", *(f"- {name}" for name in found.baselines)):
        table.add_column(escape(heading), justify="right")
    for each in found.collections:
        evaluation = each.evaluation
        for measure in evaluation.measures:
            last = measure == evaluation.measures[-1]
            table.add_row(
                escape(evaluation.task) if measure == evaluation.measures[0] else "",
                measure,
                f"{evaluation.fused.mean(measure):.4f}",
                *(f"{evaluation.legs[leg].mean(measure):.4f}" if leg in evaluation.legs else "-" for leg in legs),
                _cell(each.best_leg[measure], named=True),
                *(_cell(each.against[name][measure]) for name in found.baselines),
                end_section=last,
            )
    if several:
        blank = [""] * len(legs)
        for measure, overall in found.overall.items():
            against = (_signed(overall.against[name]) for name in found.baselines)
            table.add_row(MEAN, measure, f"{overall.fused.mean:.4f}", *blank, "", *against)
        for measure, overall in found.overall.items():
            worst = f"{_cell(overall.loss, named=True)}\n{escape(overall.worst)}"
            table.add_row(WORST, measure, "", *blank, worst, *[""] * len(found.baselines))
    first = found.collections[0].evaluation
    settings = first.settings
    corrected = f", corrected for {len(found.collections)} collections (Holm)" if several else ""
    lines = [
        f"differences: the fused list less the best leg by that measure, or less a baseline's fused list, with 95 % "
        f"bootstrap interval; p: two-sided paired randomisation test{corrected if found.baselines else ''}; "
        f"{settings['resamples']:,} resamples, seed {settings['seed']}",
        *(["the mean weighs every collection the same; its intervals resample queries"] if several else []),
        *environment_lines(first.environment),
        *(
            f"note: {each.evaluation.task}: {note}"
            for each in found.collections
            for note in dict.fromkeys((*each.evaluation.notes, *_other_notes(each)))
        ),
    ]
    return Group(table, *(Text(line, style="dim") for line in lines))


def comparison_json(found: SideBySide) -> dict[str, Any]:
    """Everything in it but the rankings, as JSON values.

    ``collections`` holds each evaluation as ``plait evaluate --json`` writes it for one, and its ``baselines``.
    """
    return json_report(
        _rows(found),
        collections=[
            {
                **evaluation_json(each.evaluation),
                "best_leg": {measure: asdict(against) for measure, against in each.best_leg.items()},
                "against": {
                    name: {measure: asdict(against) for measure, against in versus.items()}
                    for name, versus in each.against.items()
                },
                "baselines": {name: evaluation_json(other) for name, other in each.baselines.items()},
            }
            for each in found.collections
        ],
        overall={measure: asdict(overall) for measure, overall in found.overall.items()},
    )


def _rows(found: SideBySide) -> Iterator[Row]:
    for each in found.collections:
        task = each.evaluation.task
        for system in each.evaluation.systems:
            for measure, mean in system.intervals.items():
                yield _row(task, system.label, measure, mean)
        for name, other in each.baselines.items():
            for measure, mean in other.fused.intervals.items():
                yield _row(task, name, measure, mean)
        for measure, best in each.best_leg.items():
            yield _row(task, f"{FUSED} - {BEST_LEG}", measure, best.difference)
        for name, versus in each.against.items():
            for measure, against in versus.items():
                yield _row(task, f"{FUSED} - {name}", measure, against.difference)
    for measure, overall in found.overall.items():
        yield _row(MEAN, FUSED, measure, overall.fused)
        for name, mean in overall.against.items():
            yield _row(MEAN, f"{FUSED} - {name}", measure, mean)
        yield _row(f"{WORST}: {overall.worst}", f"{FUSED} - {BEST_LEG}", measure, overall.loss.difference)


def _row(task: str, arm: str, measure: str, found: Interval) -> Row:
    return Row(task, arm, measure, found.mean, found.low, found.high)


def _other_notes(found: Judged) -> Iterator[str]:
    """What only a baseline has to say."""
    for name, other in found.baselines.items():
        yield from (f"{name}: {note}" for note in other.notes if note not in found.evaluation.notes)


def _cell(against: Against, named: bool = False) -> str:
    from rich.markup import escape

    told = _signed(against.difference)
    p = against.p if against.p_holm is None else against.p_holm
    return f"{told}\n{escape(against.system)}" if named else f"{told}\np {p:.4f}"


def _signed(found: Interval) -> str:
    return f"{found.mean:+.4f}\n{found.low:+.4f} to {found.high:+.4f}"
