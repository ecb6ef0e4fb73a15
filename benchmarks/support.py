"""The citation verifier against people: scientific claims that experts found supported or contradicted.

    python benchmarks/support.py COLLECTION [--split test] [--json OUT] [--show]

COLLECTION is a folder in the BEIR layout whose queries are claims and carry, in ``metadata``, document id ->
``[{"label": "SUPPORT" or "CONTRADICT"}]`` (SciFact, Wadden et al. 2020, has it so). Each claim is given to the
verifier as if it were an answer, with the labelled document as its evidence. A contradicted claim has nearly the words
of its document, so it is the hardest kind of wrong sentence for a judge that compares words; a control gives each claim
the document of another one. Figures: the share of claims that the verifier takes for supported, by label, and how
many of those that it takes are labelled so (precision). Nobody here wrote any of these sentences.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from plait.contracts import Document, Evidence, ReadReport, Sentence
from plait.evaluation import bootstrap_interval, load_collection
from plait.evaluation.reporting import environment, environment_lines, json_report, rows_of, write_json
from plait.prompts import checked_sentences
from plait.readers.beir import BeirReader
from plait.retrievers.lexical import Config, Lexical
from plait.testing.memory import MemoryView, memory_view
from plait.verifiers.words import WordsVerifier

LABELS = ("SUPPORT", "CONTRADICT")
OTHER = "another claim's document"


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim, the document it is held against, and what experts say."""

    claim: str
    document: str
    label: str


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Hold the citation verifier against experts' labels.")
    parser.add_argument("collection", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", type=Path, help="write the figures and every verdict to this file")
    parser.add_argument("--show", action="store_true", help="print contradicted claims that were taken")
    options = parser.parse_args(arguments)
    pairs = labelled(options.collection, options.split)
    documents = {document.id: document for document in BeirReader().read(options.collection, ReadReport())}
    view = memory_view([documents[name] for name in sorted({pair.document for pair in pairs})], [Lexical(Config())])
    start = time.process_time()
    verdicts = [judged(pair, view, documents) for pair in pairs]
    spent = time.process_time() - start
    taken = {
        label: [float(all(s.supported for s in found)) for pair, found in zip(pairs, verdicts, strict=True)
                if pair.label == label]
        for label in (*LABELS, OTHER)
    }  # fmt: skip
    accepted = [float(pair.label == "SUPPORT") for pair, found in zip(pairs, verdicts, strict=True)
                if pair.label in LABELS and all(sentence.supported for sentence in found)]  # fmt: skip
    figures: dict[str, Any] = {}
    told: dict[str, Any] = {"split": options.split, "cpu_seconds": spent, "environment": environment()}
    console = Console(highlight=False, width=120)
    shown = Table(title=f"{options.collection.name}, split {options.split}", title_justify="left")
    for heading in ("what", "share", "95 % interval", "of"):
        shown.add_column(heading, justify="left" if heading == "what" else "right")
    rows = {f"taken for supported, label {label}": values for label, values in taken.items()}
    for name, values in (rows | {"labelled SUPPORT, of those taken": accepted}).items():
        interval = bootstrap_interval(values)
        shown.add_row(name, f"{interval.mean:.3f}", f"{interval.low:.3f} to {interval.high:.3f}", str(len(values)))
        figures[name] = told[name] = {
            "share": interval.mean,
            "low": interval.low,
            "high": interval.high,
            "of": len(values),
        }
    console.print(shown)
    console.print(f"{1e3 * spent / len(pairs):.1f} CPU-ms a claim", *environment_lines(told["environment"]), sep="\n")
    for pair, found in zip(pairs, verdicts, strict=True):
        if options.show and pair.label == "CONTRADICT" and all(sentence.supported for sentence in found):
            quotes = " | ".join(citation.quote for sentence in found for citation in sentence.citations)
            console.print(f"{pair.claim}\n    {quotes}", markup=False)
    if options.json:
        told["verdicts"] = [
            {"claim": pair.claim, "document": pair.document, "label": pair.label,
             "supported": all(s.supported for s in found), "reasons": [s.reason for s in found if s.reason]}
            for pair, found in zip(pairs, verdicts, strict=True)
        ]  # fmt: skip
        task = f"{options.collection.name}, {options.split}"
        write_json(options.json, json_report(rows_of(task, figures), **told))
    return 0


def labelled(folder: Path, split: str) -> list[Pair]:
    """The labelled pairs of a split, and each claim once more with the document of the claim after it."""
    collection = load_collection(folder, split)
    lines = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    found = []
    for record in map(json.loads, lines):
        if record["_id"] not in collection.qrels:
            continue
        for document, evidence in (record.get("metadata") or {}).items():
            if document in collection.document_ids and evidence[0].get("label") in LABELS:
                found.append(Pair(record["text"], document, evidence[0]["label"]))
    if not found:
        raise SystemExit(f"no query of split {split!r} in {folder} carries a label {' or '.join(LABELS)}")
    others = [
        Pair(pair.claim, other.document, OTHER)
        for pair, other in zip(found, found[1:] + found[:1], strict=True)
        if other.document != pair.document
    ]
    return found + others


def judged(pair: Pair, view: MemoryView, documents: dict[str, Document]) -> tuple[Sentence, ...]:
    """The claim's sentences as the verifier sees them beside all passages of the document."""
    rows = [row for row in range(len(view)) if view.passage(row).document_id == pair.document]
    title = documents[pair.document].title
    evidence = [Evidence(n, view.passage(row), title, 1.0) for n, row in enumerate(rows, 1)]
    return checked_sentences(pair.claim, evidence, view, [WordsVerifier()])


if __name__ == "__main__":
    sys.exit(main())
