"""Seconds and peak memory of one training epoch, and of encoding all documents, as a graph grows.

    python benchmarks/structure_scale.py [--documents 20000 200000] [--citations-each 10] [--batch 2048] [--json OUT]

Each size runs in a process of its own, so that peak memory is its own. The graph is made up: documents have text
vectors around 100 topics and cite earlier ones, mostly of their topic, popular ones more often. One epoch sees every
citation once as a positive pair; messages travel along citations both ways. Exits with 1 when 8 GB are exceeded.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.evaluation.reporting import json_report, rows_of, write_json
from plait.gnn import ArrayGraph, ArrayRelation, TrainingSettings

GIGABYTES = 8.0
TOPICS, DIMENSION = 100, 384


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--citations-each", type=int, default=10)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measured(options.documents[0], options.citations_each, options.batch)))
        return 0
    rows = []
    for documents in options.documents:
        command = [sys.executable, __file__, "--child", "--documents", str(documents)]
        command += ["--citations-each", str(options.citations_each), "--batch", str(options.batch)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - this file
        rows.append(json.loads(output.splitlines()[-1]))
        print("  ".join(f"{key} {value:,}" for key, value in rows[-1].items()), flush=True)
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        keys = ("documents", "epoch_seconds", "encode_seconds", "peak_gigabytes")
        print("growth: " + "  ".join(f"{key} x{last[key] / first[key]:.1f}" for key in keys))
    if options.json:
        arms = {f"{row['documents']} documents": row for row in rows}
        write_json(options.json, json_report(rows_of("scale", arms), measured=rows))
    return 0 if all(row["peak_gigabytes"] <= GIGABYTES for row in rows) else 1


def measured(documents: int, citations_each: int, batch: int) -> dict[str, Any]:
    """One epoch and one encoding of all documents, in this process."""
    from plait.gnn.training import train

    graph, text = made_up(documents, citations_each)
    before = _peak()
    settings = TrainingSettings(relations=("cites", "cited_by"), epochs=1, max_steps=10**9, batch=batch)
    start, cpu = time.perf_counter(), time.process_time()
    trained = train(graph, text, settings, seed=0)
    epoch, used = time.perf_counter() - start, time.process_time() - cpu
    start = time.perf_counter()
    found = trained.encode(graph, text)
    return {
        "documents": documents,
        "citations": len(graph.relations["cites"].source),
        "epoch_seconds": round(epoch, 1),
        "epoch_cpu_seconds": round(used, 1),
        "encode_seconds": round(time.perf_counter() - start, 2),
        "peak_gigabytes": round(_peak(), 2),
        "peak_gigabytes_before": round(before, 2),
        "with_structure": int(found.has_structure.sum()),
    }


def made_up(documents: int, citations_each: int) -> tuple[ArrayGraph, NDArray[np.float32]]:
    """A graph with communities, popular documents and text that hints at the community."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((TOPICS, DIMENSION), dtype=np.float32)
    topic = np.arange(documents) % TOPICS
    text = generator.standard_normal((documents, DIMENSION), dtype=np.float32)
    text += 0.5 * centres[topic]
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    citing = np.repeat(np.arange(TOPICS, documents), citations_each)
    # The square favours early documents; a multiple of TOPICS stays inside the topic, one in ten does not.
    back = (citing * generator.random(len(citing)) ** 2).astype(np.int64)
    cited = np.where(generator.random(len(citing)) < 0.9, back // TOPICS * TOPICS + topic[citing], back)
    pairs = np.stack([citing, cited], axis=1)[cited < citing]
    cites = ArrayRelation.of(np.unique(pairs, axis=0))
    return ArrayGraph(tuple(map(str, range(documents))), {"cites": cites, "cited_by": cites.reversed}), text


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    sys.exit(main())
