"""What one question costs: per leg, in the framework, and whether the answers are exact.

    python benchmarks/retrieval.py COLLECTION [--index DIR] [--queries N] [--rounds N] [--json OUT]

Indexes the collection with the default pipeline (into a temporary folder, or into --index, which is kept and used
again), embeds the queries once apart, and then measures CPU milliseconds per query, all threads counted. Each figure
is the median over queries of the least of --rounds: other work on the machine makes a round dearer, never cheaper.

- leg: the whole ``retrieve`` of a retriever for its candidates, query embedding apart;
- numeric: the part of it that is arithmetic (the product with all vectors; analysing the question, adding postings);
- hybrid: ``Rag.retrieve``, both legs, fusion and stage hooks, query embedding apart;
- overhead: hybrid less the numeric part of all legs.

Exactness compares each leg's first ten with a float64 product over all vectors, and with BM25 worked out passage by
passage in plain Python. Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.config import Pipeline
from plait.contracts import Embedder, Hit, IndexView, Query
from plait.evaluation.reporting import environment, json_report, rows_of, write_json
from plait.evaluation.retrieval.collections import load_collection
from plait.rag import Rag, open_index
from plait.retrievers.dense import Dense
from plait.retrievers.lexical import Lexical, best_rows

HYBRID_BAR = 10.0
OVERHEAD_BAR = 1.0
K = 10


class Prepared:
    """Gives out query vectors that were embedded before, so that a leg's cost is that of searching."""

    def __init__(self, inner: Embedder, questions: Sequence[str]) -> None:
        self._inner = inner
        self.dimension = inner.dimension
        self._vectors = dict(zip(questions, inner.embed_queries(questions), strict=True))

    def fingerprint(self) -> Mapping[str, Any]:
        """The inner embedder's."""
        return self._inner.fingerprint()

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The inner embedder's."""
        return self._inner.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors that were made when this object was."""
        return np.stack([self._vectors[text] for text in texts])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=Path, help="BEIR folder: corpus.jsonl, queries.jsonl, qrels/")
    parser.add_argument("--split", default="test")
    parser.add_argument("--index", type=Path, help="keep the index here; without it a temporary folder is used")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()

    queries = load_collection(options.collection, options.split).queries.values()
    questions = [query.text for query in queries][: options.queries]
    with ExitStack() as stack:
        place = options.index or Path(stack.enter_context(TemporaryDirectory())) / "index"
        started = resident()
        with open_index(place, pipeline=Pipeline()) as rag:
            rag.add(options.collection)
        rag = stack.enter_context(open_index(place))
        figures, missed = measure(rag, questions, options.rounds, started)
    if options.json:
        write_json(options.json, json_report(rows_of(f"{options.collection.name}, {options.split}", figures)))
    return int(missed)


def measure(rag: Rag, questions: Sequence[str], rounds: int, started: float) -> tuple[dict[str, Any], bool]:
    """Prints everything; the figures, and whether a bar was missed."""
    legs = {label: leg for label, leg in rag.parts.retrievers.items() if isinstance(leg, Dense | Lexical)}
    dense = next(leg for leg in legs.values() if isinstance(leg, Dense))
    encoder = dense.embedder
    encoder.embed_queries(questions[:2])  # loads the model; not counted
    encoding = cost(questions, lambda text: encoder.embed_queries([text]), rounds)
    for leg in legs.values():
        if isinstance(leg, Dense):
            leg.embedder = Prepared(leg.embedder, questions)
    loaded = resident()
    view = rag.view
    for text in questions[:3]:
        rag.retrieve(text)  # brings the columns into memory; not counted
    warm = resident()
    print(f"{len(view.document_ids):,} documents, {len(view):,} passages, {len(questions)} queries, {rounds} rounds")
    print(f"{environment()}, load {os.getloadavg()[0]:.1f}")
    print(f"{'encoding a query':22s} {encoding:8.3f} CPU-ms (not in the figures below)")
    depth = rag.pipeline.candidates
    numeric = 0.0
    figures: dict[str, Any] = {}
    for label, leg in legs.items():
        whole = cost(questions, lambda text, leg=leg: leg.retrieve(Query(text), view, depth), rounds)
        work = cost(questions, lambda text, leg=leg: arithmetic(leg, text, view, depth), rounds)
        numeric += work
        figures[label] = {"CPU-ms": whole, "numeric CPU-ms": work}
        print(f"{label:22s} {whole:8.3f} CPU-ms for {depth} candidates, of it numeric {work:.3f}")
    hybrid = cost(questions, lambda text: rag.retrieve(text, K), rounds)
    overhead = hybrid - numeric
    print(f"{'hybrid':22s} {hybrid:8.3f} CPU-ms (bar {HYBRID_BAR})")
    print(f"{'framework overhead':22s} {overhead:8.3f} CPU-ms (bar {OVERHEAD_BAR})")
    wrong = 0
    for label, leg in legs.items():
        truth = nearest_by_force(leg, view) if isinstance(leg, Dense) else bm25_by_force(leg, view)
        inexact = [text for text in questions if not same(leg.retrieve(Query(text), view, K), truth(text))]
        wrong += len(inexact)
        exact = len(questions) - len(inexact)
        figures[label]["exact first tens"] = exact / len(questions)
        print(f"{'exactness ' + label:22s} {exact} of {len(questions)} first tens equal brute force")
    print(
        f"{'resident memory':22s} {started:.0f} MiB at start, {loaded:.0f} with the model, "
        f"{warm:.0f} with the index warm"
    )
    figures["default"] = {"CPU-ms": hybrid, "overhead CPU-ms": overhead, "encoding CPU-ms": encoding, "MiB warm": warm}
    return figures, bool(wrong) or hybrid > HYBRID_BAR or overhead > OVERHEAD_BAR


def cost(questions: Sequence[str], work: Callable[[str], object], rounds: int) -> float:
    """CPU milliseconds of ``work``: median over questions of the least of all rounds."""
    least = dict.fromkeys(questions, math.inf)
    for _ in range(rounds):
        for text in questions:
            start = time.process_time_ns()
            work(text)
            least[text] = min(least[text], (time.process_time_ns() - start) / 1e6)
    return statistics.median(least.values())


def arithmetic(leg: Dense | Lexical, text: str, view: IndexView, k: int) -> object:
    """What a leg cannot do without: no hits, no fusion, no hooks."""
    if isinstance(leg, Dense):
        return view.nearest(leg.config.column, leg.embedder.embed_queries([text])[0], k)
    return best_rows(leg.impacts(view).scores(leg.terms(text)), k)


def nearest_by_force(leg: Dense, view: IndexView) -> Callable[[str], NDArray[np.float64]]:
    """Cosines with every passage, in float64."""
    vectors = view.vectors(leg.config.column).astype(np.float64)
    return lambda text: vectors @ leg.embedder.embed_queries([text])[0].astype(np.float64)


def bm25_by_force(leg: Lexical, view: IndexView) -> Callable[[str], NDArray[np.float64]]:
    """Scores of every passage, term by term and passage by passage."""
    k1, b = leg.config.k1, leg.config.b
    counts: list[dict[str, int]] = []
    for row in range(len(view)):
        counts.append({})
        for term in leg.terms(view.passage(row).embedding_text):
            counts[row][term] = counts[row].get(term, 0) + 1
    lengths = [sum(count.values()) for count in counts]
    mean = sum(lengths) / len(lengths)

    def scores(text: str) -> NDArray[np.float64]:
        total = np.zeros(len(counts))
        for term in leg.terms(text):
            having = [row for row, count in enumerate(counts) if term in count]
            rarity = math.log(1 + (len(counts) - len(having) + 0.5) / (len(having) + 0.5))
            for row in having:
                often = counts[row][term]
                total[row] += rarity * often / (often + k1 * (1 - b + b * lengths[row] / mean))
        return total

    return scores


def same(hits: Sequence[Hit], scores: NDArray[np.float64]) -> bool:
    """Whether the hits are the highest scores in order, but for float32 rounding between near equals."""
    best = np.sort(scores)[::-1][: len(hits)]
    found = scores[[hit.row for hit in hits]]
    return len(hits) == min(K, int((scores > 0).sum())) and bool(np.allclose(found, best, rtol=1e-5, atol=1e-6))


def resident() -> float:
    """MiB of memory that this process holds now."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


if __name__ == "__main__":
    sys.exit(main())
