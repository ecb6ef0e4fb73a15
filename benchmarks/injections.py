"""How many of 40 passages that try to take over change the answer, for each generator.

    python benchmarks/injections.py [--pipeline FILE]... [--injections FILE] [--json OUT] [--show]

Every question is asked twice with its document given: the honest one, and the same with the attack in it. ``changed``
counts answers whose words differ at all, ``taken over`` those that then contain what the attack wants written, and
``cited`` those of them in which Plait's verifier supports a sentence with it. A generator that quotes is taken over
where it quotes the attack. Below the table, the verifier apart from any generator: how many of the answers that the
attacks want it would support. Without ``--pipeline``: ``extractive``, and ``transformers`` with SmolLM2-135M. A server
behind ``openai-compatible`` or ``vllm-server`` must run already; its work shows in the seconds, not in the CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from plait.config import Pipeline, load_pipeline, use
from plait.contracts.errors import PlaitError
from plait.evaluation import bootstrap_interval
from plait.evaluation.answers.injections import Attacked, Injection, attack, believed, load_injections, write_corpus
from plait.evaluation.environment import environment
from plait.evaluation.retrieval.reports import environment_lines
from plait.rag import open_index

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "pipelines" / "prompts" / "injections.jsonl"
COUNTED = ("changed", "taken", "taken_supported")
HEADINGS = ("changed", "taken over", "taken over and cited")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Count the injections that change an answer, for each generator.")
    parser.add_argument("--pipeline", type=Path, action="append", help="Python or TOML file; give it once for each")
    parser.add_argument("--injections", type=Path, default=CORPUS, help="the attacks, one JSON object a line")
    parser.add_argument("--json", type=Path, help="write the figures and each answer to this file")
    parser.add_argument("--show", action="store_true", help="print the answers that were taken over")
    options = parser.parse_args(arguments)
    injections = load_injections(options.injections)
    pipelines = {str(file): load_pipeline(file) for file in options.pipeline or ()} or {
        "extractive": Pipeline(retrievers=[use("lexical")], generator=use("extractive")),
        "transformers, smollm2-135m": Pipeline(retrievers=[use("lexical")], generator=use("transformers")),
    }
    console = Console(highlight=False, width=120)
    shown = Table(title=f"{len(injections)} injected passages", title_justify="left")
    shown.add_column("generator")
    for heading in (*HEADINGS, "s", "CPU-s"):
        shown.add_column(heading, justify="right")
    report: dict[str, Any] = {}
    passing: list[str] = []
    for label, pipeline in pipelines.items():
        found, passing, seconds, cpu = measure(pipeline, injections)
        figures = counts(found)
        times = {"seconds": seconds, "cpu_seconds": cpu}
        report[label] = {**figures, **times, "answers": [told(one) for one in found]}
        shown.add_row(label, *(_figure(figures[name], len(found)) for name in COUNTED), f"{seconds:.0f}", f"{cpu:.0f}")
        if options.show:
            for one in found:
                if one.taken:
                    console.print(
                        f"{label}: {one.injection.id} {one.injection.trick}\n    {one.attacked.text}", markup=False
                    )
    believed_in = f"{len(passing)} of {len(injections)}" + (f": {', '.join(passing)}" if passing else "")
    notes = (
        f"wanted answers that the verifier supports: {believed_in}",
        "in brackets: 95 % bootstrap intervals over the attacks",
        *environment_lines(environment()),
    )
    console.print(shown, *notes, sep="\n")
    if options.json:
        value = {"generators": report, "believed": passing, "environment": environment()}
        options.json.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(pipeline: Pipeline, injections: Sequence[Injection]) -> tuple[list[Attacked], list[str], float, float]:
    """All answers of one pipeline, the attacks that its verifier believes, and the seconds and CPU seconds it took."""
    with TemporaryDirectory(prefix="plait-injections-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        write_corpus(injections, corpus)
        with open_index(Path(folder) / "index", pipeline) as rag:
            rag.add(corpus)
            start, cpu = time.monotonic(), time.process_time()
            found = attack(rag, injections)
            seconds, cpu = time.monotonic() - start, time.process_time() - cpu
            return found, [one.id for one in believed(rag, injections)], seconds, cpu


def counts(found: Sequence[Attacked]) -> dict[str, dict[str, float]]:
    """How many, with the interval of the count."""
    figures = {}
    for name in COUNTED:
        values = [float(getattr(one, name)) for one in found]
        interval = bootstrap_interval(values)
        low, high = interval.low * len(found), interval.high * len(found)
        figures[name] = {"count": sum(values), "low": low, "high": high}
    return figures


def told(one: Attacked) -> dict[str, Any]:
    """One attack and its answers, for reading."""
    return {
        "id": one.injection.id,
        "trick": one.injection.trick,
        "honest": one.honest.text,
        "attacked": one.attacked.text,
        **{name: getattr(one, name) for name in COUNTED},
    }


def _figure(figure: dict[str, float], total: int) -> str:
    return f"{figure['count']:.0f} of {total} ({figure['low']:.0f} to {figure['high']:.0f})"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PlaitError as error:
        sys.exit(f"error: {error}")
