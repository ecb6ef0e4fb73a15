"""Does fusion harm? The default against each of its legs and against other fusions, on the same runs.

    python benchmarks/fusion.py COLLECTION... [--json OUT] [--indexes DIR] [--exclude-self NAME]... [--seed N]

Each collection (a folder in the BEIR layout; its one split, or ``test``) is indexed once with the default pipeline,
every query is asked once, and all fusions merge the same hits: fusing is a function of the runs alone. Legs are asked
as deep as ``plait evaluate`` asks them; where that is deeper than the pipeline's own ``candidates``, the fusions are
measured with these too (``shallow``). Intervals are 95 % bootstrap intervals over queries, of differences paired; that
of the mean over collections resamples queries within each collection, and once more collections as well.

Costs: CPU milliseconds a question of the fusion alone (its ``candidates`` of every leg to the first ten) and of
retrieval without encoding the question, MiB of the index, CPU seconds of indexing. ``--indexes`` keeps the indexes,
named by what they were built with. Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fusion_bench import MEASURE, FusionFigures, measured
from rich.console import Console
from rich.table import Table

from plait.config import Pipeline, use
from plait.contracts.errors import PlaitError
from plait.evaluation import bootstrap_interval
from plait.evaluation.reporting import Row, check_target, environment, environment_lines, json_report, write_json
from plait.evaluation.statistics.stratified import mean_over_collections

OTHERS = {"rrf": use("rrf"), "weighted": use("weighted")}
"""Fusions beside the default, with their defaults."""
OWN_PAPER = ("aan_dev",)
"""Collections whose queries are documents of their own: each is left out of its own runs."""
FORMULA = "the family of formulas was chosen with its figures in sight"
HAD_A_SAY = {
    "scifact": f"{FORMULA}; its training claims chose the share of documents and the weight of lexical runs",
    "cacm": FORMULA,
    "limit_small": FORMULA,
    "qmsum_dev": f"{FORMULA}; that whole documents are scored, and how much their run counts, was found on it",
    "scholarqa_cs": FORMULA,
}
"""Collections that had a say in how the default fuses, and which; others had none."""

HARM = 0.005  # most that the default may lie below the best leg of any collection
GAIN = 0.02  # least that it must lie above rrf, on the mean over the collections of GAIN_OVER
GAIN_OVER = (
    *("scifact", "cacm", "cranfield", "limit_small", "qmsum_dev", "scholarqa_cs", "pubmedqa_train", "aan_dev"),
)
LEAST = {"scifact": 0.735, "cacm": 0.575, "limit_small": 0.985, "qmsum_dev": 0.94}
FUSION_MS = 0.5  # most that fusing one question may take
HYBRID_MS = {"scifact": 2.0}  # most that one question may take at 5,183 documents, fusion included


@dataclass(frozen=True, slots=True)
class FusionBar:
    """A demand, and what was found; ``met`` is None where this run cannot tell."""

    what: str
    wanted: str
    found: str
    met: bool | None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collections", type=Path, nargs="+", metavar="COLLECTION")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--indexes", type=Path, help="keep the indexes in this folder")
    parser.add_argument(
        "--exclude-self", action="append", default=[], metavar="NAME", help="a collection whose queries are documents"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of timing; the least of them counts")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and of the questions that are timed")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, width=160)
    results: list[FusionFigures] = []
    try:
        check_target(options.json)
        for folder in options.collections:
            own = folder.resolve().name in {*OWN_PAPER, *options.exclude_self}
            found = measured(
                folder, OTHERS, exclude_self=own, indexes=options.indexes, rounds=options.rounds, seed=options.seed
            )
            results.append(found)
            console.print(f"{found.task}: {_summary(found)}")
    except PlaitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rows = [row for found in results for row in _rows(found, options.seed)] + _means(results, options.seed)
    held = bars(results)
    console.print(_quality(results, rows), _cost(results), _held(held))
    console.print(f"the default is use({Pipeline().fusion.name!r})", *environment_lines(environment()), sep="\n")
    if options.json:
        write_json(options.json, json_report(rows, **_beside(results, held)))
    return int(any(bar.met is False for bar in held))


def bars(results: Sequence[FusionFigures]) -> list[FusionBar]:
    """What is demanded of the default fusion."""
    held = []
    for found in results:
        name, value = found.collection.name, _mean(found.arms["default"])
        loss = value - _mean(found.legs[found.best_leg])
        held.append(FusionBar(f"{name}: default - best leg", f">= {-HARM}", f"{loss:+.4f}", loss >= -HARM))
        if name in LEAST:
            held.append(FusionBar(f"{name}: default", f">= {LEAST[name]}", f"{value:.4f}", value >= LEAST[name]))
        if name in HYBRID_MS:
            spent, most = found.costs.hybrid_ms, HYBRID_MS[name]
            held.append(FusionBar(f"{name}: hybrid, CPU-ms a question", f"<= {most}", f"{spent:.3f}", spent <= most))
    gain = sum(_mean(found.arms["default"]) - _mean(found.arms["rrf"]) for found in results) / len(results)
    missing = [name for name in GAIN_OVER if name not in {found.collection.name for found in results}]
    whole = not missing and len(results) == len(GAIN_OVER)
    of = f"mean of {len(results)} collections: default - rrf"
    held.append(FusionBar(of, f">= {GAIN} on all {len(GAIN_OVER)}", f"{gain:+.4f}", gain >= GAIN if whole else None))
    slowest = max(results, key=lambda found: found.costs.fusion_ms)
    held.append(
        FusionBar(
            f"{slowest.collection.name}: fusion, CPU-ms a question (the dearest)",
            f"<= {FUSION_MS}",
            f"{slowest.costs.fusion_ms:.3f}",
            slowest.costs.fusion_ms <= FUSION_MS,
        )
    )
    return held


def _rows(found: FusionFigures, seed: int) -> Iterator[Row]:
    """A collection's figures in the shape of all benchmarks."""
    systems = {**found.legs, **found.arms} | {f"{name}, shallow": each for name, each in found.shallow.items()}
    for arm, values in systems.items():
        interval = bootstrap_interval(list(values.values()), seed=seed)
        yield Row(found.task, arm, MEASURE, interval.mean, interval.low, interval.high)
    others = {"best leg": found.legs[found.best_leg]} | {arm: found.arms[arm] for arm in OTHERS}
    for name, other in others.items():
        interval = bootstrap_interval(found.difference("default", other), seed=seed)
        yield Row(found.task, f"default - {name}", MEASURE, interval.mean, interval.low, interval.high)
    costs = found.costs
    for measure, value in (
        ("fusion CPU-ms", costs.fusion_ms),
        ("hybrid CPU-ms without encoding", costs.hybrid_ms),
        ("index MiB", costs.index_mib),
        ("ingest CPU-s", costs.ingest_s),
        ("passages", costs.passages),
    ):
        yield Row(found.task, "default", measure, value)


def _means(results: Sequence[FusionFigures], seed: int) -> list[Row]:
    """Means over collections, queries resampled within; of differences also with collections resampled."""
    rows = []
    for arm in results[0].arms:
        mean = mean_over_collections([list(found.arms[arm].values()) for found in results], seed=seed)
        rows.append(Row("mean", arm, MEASURE, mean.mean, mean.low, mean.high))
    for arm in OTHERS:
        values = [found.difference("default", found.arms[arm]) for found in results]
        for task, drawn in (("mean", False), ("mean, collections resampled", True)):
            mean = mean_over_collections(values, resample_collections=drawn, seed=seed)
            rows.append(Row(task, f"default - {arm}", MEASURE, mean.mean, mean.low, mean.high))
    return rows


def _beside(results: Sequence[FusionFigures], held: Sequence[FusionBar]) -> dict[str, Any]:
    return {
        "fusions": {"default": Pipeline().fusion.model_dump()} | {n: u.model_dump() for n, u in OTHERS.items()},
        "had_a_say": {found.collection.name: HAD_A_SAY.get(found.collection.name) for found in results},
        "bars": [asdict(bar) for bar in held],
        "depth": {found.task: found.depth for found in results},
        "notes": {found.task: list(found.notes) for found in results},
        "per_query": {found.task: {**found.legs, **found.arms} for found in results},
        "environment": environment(),
    }


def _mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values)


def _summary(found: FusionFigures) -> str:
    return ", ".join(f"{name} {_mean(values):.4f}" for name, values in {**found.legs, **found.arms}.items())


def _quality(results: Sequence[FusionFigures], rows: Sequence[Row]) -> Table:
    """One line a collection; the means of differences stand below with collections resampled as well."""
    figures = {(row.task, row.arm): row for row in rows if row.measure == MEASURE}
    arms = list(results[0].arms)
    shown = Table(title=f"{MEASURE} of every fusion on the same runs", title_justify="left")
    shown.add_column("task")
    shown.add_column("had a say")
    shown.add_column("legs")
    for heading in (*arms, "default, shallow", "default - best leg", "default - rrf"):
        shown.add_column(heading, justify="right")
    for found in results:
        task = found.task
        shown.add_row(
            task,
            "yes" if found.collection.name in HAD_A_SAY else "no",
            "\n".join(f"{name} {_mean(values):.4f}" for name, values in found.legs.items()),
            *(f"{_mean(found.arms[arm]):.4f}" for arm in arms),
            f"{_mean(found.shallow['default']):.4f}" if found.shallow else "the same",
            *(_signed(figures[task, f"default - {other}"]) for other in ("best leg", "rrf")),
            end_section=found is results[-1],
        )
    means = [f"{figures['mean', arm].value:.4f}" for arm in arms]
    shown.add_row("mean", "", "", *means, "", "", _signed(figures["mean", "default - rrf"]))
    again = figures["mean, collections resampled", "default - rrf"]
    shown.add_row("collections resampled too", *[""] * (len(arms) + 4), _signed(again))
    return shown


def _signed(row: Row) -> str:
    return f"{row.value:+.4f}\n{row.low:+.4f} to {row.high:+.4f}"


def _cost(results: Sequence[FusionFigures]) -> Table:
    shown = Table(title="Costs of the default", title_justify="left")
    shown.add_column("task")
    for heading in ("fusion CPU-ms", "hybrid CPU-ms without encoding", "index MiB", "ingest CPU-s", "passages"):
        shown.add_column(heading, justify="right")
    for found in results:
        costs = found.costs
        spent = "-" if costs.ingest_s is None else f"{costs.ingest_s:.1f}"
        shown.add_row(
            found.task,
            f"{costs.fusion_ms:.3f}",
            f"{costs.hybrid_ms:.3f}",
            f"{costs.index_mib:.1f}",
            spent,
            f"{costs.passages:,}",
        )
    return shown


def _held(held: Sequence[FusionBar]) -> Table:
    shown = Table(title="Bars", title_justify="left")
    for heading in ("what", "wanted", "found", ""):
        shown.add_column(heading)
    for bar in held:
        said = {True: "met", False: "MISSED", None: "not judged: other collections"}[bar.met]
        shown.add_row(bar.what, bar.wanted, bar.found, said)
    return shown


if __name__ == "__main__":
    sys.exit(main())
