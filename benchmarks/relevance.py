"""Fits and judges the decision whether evidence can answer a question.

    python benchmarks/relevance.py COLLECTION COLLECTION ... [--queries 60] [--split train]

Each BEIR folder gives answerable questions (its own queries over its own documents) and two kinds of unanswerable
ones: the queries of the other folders over its documents (far), and its own queries with their relevant documents
taken out of what was found (near; some of these are still answerable by other documents). One half of the queries
fits the weights and sets the threshold where one answerable question in twenty is declined; the other half is
judged. Evidence is the best eight passages of BM25.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plait.chunkers.sections import SectionChunker
from plait.contracts import Evidence, Query, ReadReport
from plait.embedders.minilm import Config, MiniLM
from plait.prompts.relevance import BIAS, THRESHOLD, WEIGHTS, signals
from plait.readers.beir import BeirReader
from plait.retrievers.lexical import Config as LexicalConfig
from plait.retrievers.lexical import Lexical
from plait.testing.memory import MemoryView, memory_view

EVIDENCE = 8
DECLINED_AT_MOST = 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fit and judge the decision whether evidence can answer.")
    parser.add_argument("collections", nargs="+", type=Path)
    parser.add_argument("--queries", type=int, default=60, help="queries of each collection")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    if len(options.collections) < 2:
        parser.error("name at least two collections: each one's queries are the unanswerable ones of the others")
    embedder, lexical = MiniLM(Config()), Lexical(LexicalConfig())
    asked = {folder: _queries(folder, options.queries, options.seed) for folder in options.collections}
    rows: list[tuple[str, int, int, list[float]]] = []  # kind, label, half, signals
    for folder in options.collections:
        documents = [d for d in BeirReader().read(folder, ReadReport()) if d.text]
        view = memory_view(documents, [lexical], chunker=SectionChunker())
        for other, queries in asked.items():
            for place, (text, relevant) in enumerate(queries):
                found = _evidence(lexical, view, text, set())
                own = other == folder
                label = int(own and any(item.passage.document_id in relevant for item in found))
                if own and not label:
                    continue  # retrieval missed the answer: neither kind
                kind = "answerable" if own else "far"
                rows.append((kind, label, place % 2, _features(text, found, embedder, view)))
                if own:
                    near = _evidence(lexical, view, text, relevant)
                    rows.append(("near", 0, place % 2, _features(text, near, embedder, view)))
        print(f"{folder.name}: {len(view):,} passages", file=sys.stderr)
    fit = [row for row in rows if row[2] == 0]
    weights, bias = _logistic(np.array([row[3] for row in fit]), np.array([row[1] for row in fit], float))
    scores = _scores([row for row in fit if row[1]], weights, bias)
    threshold = float(np.quantile(scores, DECLINED_AT_MOST))
    print("fitted  weights", np.round(weights, 2), "bias", round(bias, 2), "threshold", round(threshold, 3))
    print("in use  weights", WEIGHTS, "bias", BIAS, "threshold", THRESHOLD)
    for name, w, b, t in (("fitted", weights, bias, threshold), ("in use", np.array(WEIGHTS), BIAS, THRESHOLD)):
        for kind in ("answerable", "near", "far"):
            judged = [row for row in rows if row[0] == kind and row[2] == 1]
            declined = float(np.mean(_scores(judged, w, b) < t))
            means = np.round(np.mean([row[3] for row in judged], axis=0), 3)
            print(f"{name}  {kind:10}  {len(judged):4} judged  declined {declined:.3f}  mean signals {means}")
    return 0


def _queries(folder: Path, most: int, seed: int) -> list[tuple[str, set[str]]]:
    qrels: dict[str, set[str]] = defaultdict(set)
    files = sorted((folder / "qrels").glob("*.tsv"))
    chosen = next((file for file in files if file.stem in {"train", "dev"}), files[-1])
    with chosen.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if float(row["score"]) > 0:
                qrels[row["query-id"]].add(row["corpus-id"])
    texts = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
    known = [(str(item["text"]), qrels[str(item["_id"])]) for item in texts if str(item["_id"]) in qrels]
    random.Random(seed).shuffle(known)  # noqa: S311 - a sample of queries, nothing secret
    return known[:most]


def _evidence(lexical: Lexical, view: MemoryView, text: str, without: set[str]) -> list[Evidence]:
    hits = [hit for hit in lexical.retrieve(Query(text), view, 50) if hit.document_id not in without][:EVIDENCE]
    return [Evidence(n, view.passage(h.row), view.title(h.document_id), h.score) for n, h in enumerate(hits, 1)]


def _features(text: str, evidence: list[Evidence], embedder: MiniLM, view: MemoryView) -> list[float]:
    if not evidence:
        return [0.0, 0.0]
    return list(signals(Query(text), evidence, embedder, view).values)


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weights and bias by Newton's method, both classes weighing the same, with a small ridge."""
    design = np.hstack([x, np.ones((len(x), 1))])
    balance = np.where(y == 1, 0.5 / max(1, y.sum()), 0.5 / max(1, (1 - y).sum()))
    w = np.zeros(design.shape[1])
    ridge = 1e-3 * np.diag([1.0] * x.shape[1] + [0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ w))
        gradient = design.T @ (balance * (p - y)) + ridge @ w
        hessian = design.T @ (design * (balance * p * (1 - p))[:, None]) + ridge
        w -= np.linalg.solve(hessian, gradient)
    return w[:-1], float(w[-1])


def _scores(
    rows: Sequence[tuple[str, int, int, list[float]]], weights: NDArray[np.float64], bias: float
) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-(np.array([row[3] for row in rows]) @ weights + bias)))


if __name__ == "__main__":
    raise SystemExit(main())
