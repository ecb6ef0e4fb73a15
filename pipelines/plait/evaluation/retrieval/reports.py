"""An evaluation for people (tables) and for programs (JSON)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from plait.evaluation.reporting import Row, environment_lines, json_report
from plait.evaluation.retrieval.evaluating import FUSED, Evaluation, SystemScores
from plait.evaluation.statistics.significance import Interval

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

__all__ = ["evaluation_json", "render", "to_json"]


def render(evaluation: Evaluation) -> Group:
    """Tables to print with ``rich``: quality of each leg and the fused list, then what a query cost."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    about, settings = evaluation.collection, evaluation.settings
    quality = Table(
        title=f"{escape(about['name'])}, split {escape(about['split'])}: {evaluation.queries:,} queries, "
        f"{about['documents']:,} documents",
        title_justify="left",
    )
    quality.add_column("measure")
    quality.add_column("system")
    for heading in ("mean", "95 % interval", "difference", "p"):
        quality.add_column(heading, justify="right")
    for measure in evaluation.measures:
        for system in evaluation.systems:
            interval, other = system.intervals[measure], system.against.get(measure)
            quality.add_row(
                measure if system is evaluation.systems[0] else "",
                escape(system.label),
                f"{interval.mean:.4f}",
                f"{interval.low:.4f} to {interval.high:.4f}",
                f"{other.difference:+.4f}" if other else "best leg",
                f"{other.p:.4f}" if other else "",
                end_section=system is evaluation.fused,
            )
    cost = Table(title="CPU milliseconds per query", title_justify="left")
    cost.add_column("system")
    cost.add_column("encoding", justify="right")
    cost.add_column("search", justify="right")
    for system in evaluation.systems:
        name = f"{system.label} (on top of the legs)" if system is evaluation.fused else system.label
        cost.add_row(escape(name), _milliseconds(system.encode_ms), _milliseconds(system.search_ms))
    kinds = dict.fromkeys(group.kind for group in evaluation.groups)
    tables = [
        quality,
        *(_group_table(evaluation, kind) for kind in kinds),
        *([_coherence_table(evaluation)] if evaluation.coherence else []),
        cost,
    ]
    unjudged = ", ".join(f"{label} {count:.1f}" for label, count in evaluation.unjudged.items())
    lines = [
        "encoding: timed apart from search, and shared by legs of one encoder; -: none, or part of the search",
        f"difference and p (two-sided paired randomisation test): against the best leg by that measure; "
        f"{settings['resamples']:,} resamples, seed {settings['seed']}",
        *([f"unjudged among the first ten documents, on the mean: {unjudged}"] if unjudged else []),
        *environment_lines(evaluation.environment),
        *(f"note: {note}" for note in evaluation.notes),
    ]
    return Group(*tables, *(Text(line, style="dim") for line in lines))


def _group_table(evaluation: Evaluation, kind: str) -> Table:
    """Each split or facet: the fused list with its interval, and the legs."""
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=f"By {kind}", title_justify="left")
    for heading in (kind, "measure"):
        shown.add_column(heading)
    for heading in (FUSED, "95 % interval", *evaluation.legs):
        shown.add_column(escape(heading), justify="right")
    for group in (group for group in evaluation.groups if group.kind == kind):
        for measure in evaluation.measures:
            fused = group.systems[FUSED][measure]
            shown.add_row(
                f"{escape(group.name)} ({group.queries:,})" if measure == evaluation.measures[0] else "",
                measure,
                f"{fused.mean:.4f}",
                f"{fused.low:.4f} to {fused.high:.4f}",
                *(f"{group.systems[leg][measure].mean:.4f}" for leg in evaluation.legs),
                end_section=measure == evaluation.measures[-1],
            )
    return shown


def _coherence_table(evaluation: Evaluation) -> Table:
    from rich.markup import escape
    from rich.table import Table

    k = next(iter(evaluation.coherence.values())).k
    shown = Table(title=f"Coherence of the first {k} documents", title_justify="left")
    shown.add_column("system")
    for heading in ("linked pairs", "95 % interval", "topical entropy (bits)", "95 % interval"):
        shown.add_column(heading, justify="right")
    for label, found in evaluation.coherence.items():
        shown.add_row(escape(label), *_with_interval(found.linked), *_with_interval(found.entropy))
    return shown


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything in the evaluation but the rankings, as JSON values; these go into a TREC run.

    The means stand in ``rows`` too, as in every report (see :mod:`plait.evaluation.reporting`).
    """
    return json_report(
        [
            Row(evaluation.task, system.label, measure, interval.mean, interval.low, interval.high)
            for system in evaluation.systems
            for measure, interval in system.intervals.items()
        ]
        + [
            Row(f"{evaluation.task}, {group.kind} {group.name}", label, measure, found.mean, found.low, found.high)
            for group in evaluation.groups
            for label, intervals in group.systems.items()
            for measure, found in intervals.items()
        ],
        **evaluation_json(evaluation),
    )


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """What stands beside command, commit, versions and rows."""
    return {
        "collection": dict(evaluation.collection),
        "queries": evaluation.queries,
        "measures": list(evaluation.measures),
        "legs": {label: _system(scores) for label, scores in evaluation.legs.items()},
        "fused": _system(evaluation.fused),
        "coherence": {label: asdict(found) for label, found in evaluation.coherence.items()},
        "groups": [asdict(group) for group in evaluation.groups],
        "unjudged_of_first_10": dict(evaluation.unjudged),
        "refused": dict(evaluation.refused),
        "notes": list(evaluation.notes),
        "settings": dict(evaluation.settings),
        "environment": dict(evaluation.environment),
    }


def _system(scores: SystemScores) -> dict[str, Any]:
    measures = {}
    for name, interval in scores.intervals.items():
        entry: dict[str, Any] = {
            "mean": interval.mean,
            "low": interval.low,
            "high": interval.high,
            "n": len(scores.values[name]),
            "per_query": dict(scores.values[name]),
        }
        if (other := scores.against.get(name)) is not None:
            entry["against"] = asdict(other)
        measures[name] = entry
    return {
        "measures": measures,
        "cpu_ms_per_query": {"encoding": scores.encode_ms, "search": scores.search_ms},
    }


def _with_interval(found: Interval | None) -> tuple[str, str]:
    return ("-", "") if found is None else (f"{found.mean:.4f}", f"{found.low:.4f} to {found.high:.4f}")


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
