"""A collection's runs for :mod:`fusion`: indexed once, every query asked once, every fusion over the same runs."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from retrieval import Prepared, cost

from plait.config import Pipeline, Use
from plait.contracts import Fusion, Hit, Query
from plait.contracts.errors import QueryError
from plait.evaluation import Collection, documents_of, load_collection, per_query
from plait.evaluation.retrieval.command import index_collection
from plait.evaluation.retrieval.comparing import index_folder
from plait.hooks import PluginHost
from plait.rag import Rag, open_index
from plait.rag.parts import Parts
from plait.rag.retrieval import fuse_earned
from plait.retrievers.dense import Dense

__all__ = ["MEASURE", "FusionCosts", "FusionFigures", "measured"]

MEASURE = "nDCG@10"
K = 10
TIMED = 100  # questions whose cost is taken, drawn by the seed


@dataclass(frozen=True, slots=True)
class AskedLegs:
    """What the legs found for one query, and what each counts in its fusion."""

    query: Query
    runs: Mapping[str, Sequence[Hit]]
    earned: Mapping[str, float]

    def first(self, count: int) -> AskedLegs:
        """The same with so many hits of each leg."""
        return AskedLegs(self.query, {label: hits[:count] for label, hits in self.runs.items()}, self.earned)


@dataclass(frozen=True, slots=True)
class FusionCosts:
    """What the default pipeline takes; milliseconds are medians over questions of the least of all rounds.

    Args:
        fusion_ms: CPU milliseconds of the fusion alone, from ``candidates`` hits of each leg to the ten best.
        hybrid_ms: of ``Rag.retrieve``, both legs, fusion and hooks, without encoding the question.
        index_mib: size of the index folder.
        ingest_s: CPU seconds of indexing; None where the index was there before and nobody wrote them down.
        passages: how many the index holds.
    """

    fusion_ms: float
    hybrid_ms: float
    index_mib: float
    ingest_s: float | None
    passages: int


@dataclass(frozen=True, slots=True)
class FusionFigures:
    """One collection.

    Args:
        collection: the judged queries.
        depth: passages that each leg was asked for.
        legs: label -> query -> nDCG@10.
        arms: ``default`` and the other fusions -> query -> nDCG@10.
        shallow: the same of runs cut at the pipeline's own ``candidates``; empty where that is the depth.
        costs: what it took.
        notes: what a reader of the figures should know.
    """

    collection: Collection
    depth: int
    legs: Mapping[str, Mapping[str, float]]
    arms: Mapping[str, Mapping[str, float]]
    shallow: Mapping[str, Mapping[str, float]]
    costs: FusionCosts
    notes: Sequence[str]

    @property
    def task(self) -> str:
        """Collection and split."""
        return f"{self.collection.name}, {self.collection.split}"

    @property
    def best_leg(self) -> str:
        """The leg with the highest mean."""
        return max(self.legs, key=lambda label: sum(self.legs[label].values()))

    def difference(self, arm: str, other: Mapping[str, float]) -> list[float]:
        """An arm less another system, query by query."""
        return [value - other[query] for query, value in self.arms[arm].items()]


def measured(
    folder: Path,
    others: Mapping[str, Use],
    *,
    exclude_self: bool = False,
    indexes: Path | None = None,
    rounds: int = 5,
    seed: int = 0,
) -> FusionFigures:
    """Indexes a collection with the default pipeline, asks its queries and measures legs and fusions."""
    collection = load_collection(folder)
    host = PluginHost.discover()
    with ExitStack() as stack:
        parent = indexes or Path(stack.enter_context(TemporaryDirectory()))
        place = index_folder(parent, collection.name, Parts(Pipeline(), host))
        rag = stack.enter_context(open_index(place, Pipeline(), host=host))
        fresh, start = not place.exists(), time.process_time()
        notes = index_collection(rag, collection, None)
        ingest = _ingest_seconds(place, time.process_time() - start if fresh else None)
        view = rag.view
        # As deep as ``plait evaluate`` asks: the best passages of a hundred documents, and of the query's own.
        depth = max(rag.pipeline.candidates, -(-(100 + exclude_self) * len(view) // len(view.document_ids)))
        fusions = {"default": rag.parts.fusion} | {
            name: Parts(Pipeline(fusion=chosen), host).fusion for name, chosen in others.items()
        }
        found = dict(_asked(rag, collection, depth))
        if refused := len(collection.queries) - len(found):
            notes.append(f"{refused} queries could not be asked and count 0")

        def scored(hits: Mapping[str, Sequence[Hit]]) -> Mapping[str, float]:
            run = {query: documents_of(ranked, {query} if exclude_self else ()) for query, ranked in hits.items()}
            return per_query(collection.qrels, run, [MEASURE])[MEASURE]

        def fused(runs: Mapping[str, AskedLegs], k: int) -> dict[str, Mapping[str, float]]:
            return {
                name: scored(
                    {i: fuse_earned(made, asked.query, asked.runs, k, asked.earned) for i, asked in runs.items()}
                )
                for name, made in fusions.items()
            }

        cut = {i: asked.first(rag.pipeline.candidates) for i, asked in found.items()}
        labels = next(iter(found.values())).runs
        return FusionFigures(
            collection,
            depth,
            {label: scored({i: asked.runs[label] for i, asked in found.items()}) for label in labels},
            fused(found, depth * len(labels)),
            fused(cut, depth * len(labels)) if depth > rag.pipeline.candidates else {},
            _costs(rag, place, cut, ingest, rounds, seed),
            notes,
        )


def _ingest_seconds(place: Path, spent: float | None) -> float | None:
    """CPU seconds of the run that made the index, kept beside it for the next run."""
    kept = place.with_suffix(".ingest.json")
    if spent is not None:
        kept.write_text(json.dumps({"cpu_seconds": spent}))
    return float(json.loads(kept.read_text())["cpu_seconds"]) if kept.exists() else None


def _asked(rag: Rag, collection: Collection, depth: int) -> Iterator[tuple[str, AskedLegs]]:
    for identifier, entry in collection.queries.items():
        try:
            found = rag.retrieve_all(entry.query(), depth)
        except QueryError:
            continue
        yield identifier, AskedLegs(found.query, found.runs, found.earned)


def _costs(
    rag: Rag, place: Path, runs: Mapping[str, AskedLegs], ingest: float | None, rounds: int, seed: int
) -> FusionCosts:
    """Takes the costs last, as legs get query vectors that were made before."""
    timed = dict(random.Random(seed).sample(sorted(runs.items()), min(TIMED, len(runs))))  # noqa: S311 - a sample
    by_text = {asked.query.text: asked for asked in timed.values()}
    fusion: Fusion = rag.parts.fusion

    def fuse(text: str) -> object:
        asked = by_text[text]
        return fuse_earned(fusion, asked.query, asked.runs, K, asked.earned)

    fusion_ms = cost(list(by_text), fuse, rounds)
    for leg in rag.parts.retrievers.values():
        if isinstance(leg, Dense):
            leg.embedder = Prepared(leg.embedder, list(by_text))
    for text in list(by_text)[:3]:
        rag.retrieve(text, K)  # brings the columns into memory; not counted
    hybrid_ms = cost(list(by_text), lambda text: rag.retrieve(text, K), rounds)
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) / 2**20
    return FusionCosts(fusion_ms, hybrid_ms, size, ingest, len(rag.view))
