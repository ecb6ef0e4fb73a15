"""Measures each leg of a pipeline and their fusion on a collection, every judged query asked once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plait.contracts import Embedder, HasEmbedder
from plait.contracts.errors import ConfigError
from plait.evaluation.reporting import environment
from plait.evaluation.retrieval.caveats import caveats
from plait.evaluation.retrieval.coherence import Coherence
from plait.evaluation.retrieval.collections import Collection, Qrels
from plait.evaluation.retrieval.facets import own_documents
from plait.evaluation.retrieval.grouping import QueryGroup, grouped
from plait.evaluation.retrieval.measures import (
    DEFAULT_MEASURES,
    POOL_MEASURES,
    Unjudged,
    check_measures,
    per_query,
)
from plait.evaluation.retrieval.pools import Pools, in_pools
from plait.evaluation.retrieval.querying import Retrieve, askable, collect
from plait.evaluation.retrieval.runs import Run
from plait.evaluation.statistics.significance import (
    RESAMPLES,
    Comparison,
    Interval,
    bootstrap_interval,
    compare,
    scipy_stats,
)

if TYPE_CHECKING:
    from plait.rag.ingest import Progress

__all__ = ["FUSED", "Evaluation", "SystemScores", "evaluate"]

FUSED = "fused"
"""Label of the fused list in reports."""


@dataclass(frozen=True, slots=True)
class SystemScores:
    """One leg, or their fusion.

    Args:
        label: the retriever's label, or ``fused``.
        run: its rankings of documents.
        values: measure -> query -> value.
        intervals: measure -> mean with its 95 % bootstrap interval.
        against: measure -> comparison with the leg that is best by that measure; the best leg itself has none.
        search_ms: mean CPU milliseconds per query, encoding left out where ``encode_ms`` is known.
        encode_ms: mean CPU milliseconds of encoding a query; None where it could not be told apart.
    """

    label: str
    run: Run
    values: Mapping[str, Mapping[str, float]]
    intervals: Mapping[str, Interval]
    against: Mapping[str, Comparison]
    search_ms: float | None = None
    encode_ms: float | None = None

    def mean(self, measure: str) -> float:
        """The mean over all judged queries."""
        return self.intervals[measure].mean


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Legs and fused list of one pipeline on one split of a collection.

    Args:
        collection: name, path as given, split, and counts.
        measures: what was measured, in order.
        legs: label -> scores, in the pipeline's order.
        fused: the fused (and reranked) list, as a user of the pipeline gets it.
        queries: how many queries the means are over.
        refused: queries that could not be asked, and why; they count 0.
        notes: what a reader of the figures should know, such as judged documents that are not in the corpus.
        settings: depth, seed, resamples, pipeline and so on.
        environment: versions and threads.
        coherence: label -> whether what was found first belongs together; empty where no document cites another.
        groups: the same figures of each split, where several were evaluated together, and of each facet.
        unjudged: label -> how many of a query's first ten documents nobody judged for it, on the mean.
    """

    collection: Mapping[str, Any]
    measures: tuple[str, ...]
    legs: Mapping[str, SystemScores]
    fused: SystemScores
    queries: int
    refused: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    coherence: Mapping[str, Coherence] = field(default_factory=dict)
    groups: tuple[QueryGroup, ...] = ()
    unjudged: Mapping[str, float] = field(default_factory=dict)

    @property
    def task(self) -> str:
        """Collection and split, as reports name them."""
        return f"{self.collection['name']}, {self.collection['split']}"

    def best_leg(self, measure: str) -> SystemScores:
        """The leg with the highest mean; the first of equals."""
        return max(self.legs.values(), key=lambda leg: leg.mean(measure))

    @property
    def systems(self) -> tuple[SystemScores, ...]:
        """The legs, then the fused list."""
        return (*self.legs.values(), self.fused)


def evaluate(
    collection: Collection,
    retrieve: Retrieve,
    *,
    measures: Iterable[str] | None = None,
    exclude_self: bool = False,
    pools: Pools | None = None,
    relevant_from: int = 1,
    unjudged: Unjudged = "irrelevant",
    resamples: int = RESAMPLES,
    seed: int = 0,
    retrievers: Mapping[str, object] | None = None,
    progress: Progress | None = None,
    notes: Iterable[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Asks every judged query once and measures what each leg and the fusion found.

    The last query is asked one time more beforehand, so that loading models and matrices is not counted as
    search. A query that cannot be asked (blank, too long) counts 0 and is named in ``refused``.

    Args:
        collection: the queries and judgements.
        retrieve: asks the pipeline, deep enough for the measures (100 documents for recall@100).
        measures: names such as ``nDCG@10``; by default ``DEFAULT_MEASURES``, in pools ``POOL_MEASURES``.
        exclude_self: leave the document that is itself the query out of its run, in every leg; which it is, see
            :mod:`plait.evaluation.retrieval.facets`.
        pools: the candidates of each query. Every leg and the fused list then rank these and no others: queries are
            asked with a filter on ``id``, candidates that were not found go last, and judgements of others are dropped.
        relevant_from: the grade from which a document is relevant, for all measures but nDCG.
        unjudged: what an unjudged document counts as, see :mod:`plait.evaluation.retrieval.measures`.
        resamples: of the bootstrap and the randomisation test.
        seed: of both.
        retrievers: the legs' retrievers by label, to tell encoding from search: each query is first given to their
            embedders alone. One that keeps the vector, as Plait's own do, leaves only search to its leg; of another
            one the encoding that the leg repeats is timed on a few queries, and taken off.
        progress: called with (what, queries done, queries in all).
        notes: added to the evaluation's notes.
        settings: added to the evaluation's settings.

    Raises:
        ConfigError: a measure does not exist, or no query could be asked.
        MissingDependencyError: ir-measures or scipy is not installed.
    """
    names = check_measures(measures or (DEFAULT_MEASURES if pools is None else POOL_MEASURES), pooled=pools is not None)
    scipy_stats()
    asked, refused = askable(collection, pools)
    embedders = {
        label: retriever.embedder
        for label, retriever in (retrievers or {}).items()
        if isinstance(retriever, HasEmbedder) and isinstance(retriever.embedder, Embedder)
    }
    own = own_documents(collection)
    collected = collect(
        asked,
        refused,
        retrieve,
        embedders=tuple(embedders.values()),
        # An index may hold documents beside the collection's: a query's id leaves every run, known or not.
        left_out={query: own.get(query, frozenset({query})) for query in asked} if exclude_self else {},
        pools=pools,
        progress=progress,
    )
    if not collected.legs:
        why = next(iter(refused.values()), "the collection has no query")
        raise ConfigError(f"there is nothing to measure: no query could be asked ({why})", where=collection.name)
    runs: dict[str, Run] = {**collected.legs, FUSED: collected.fused}
    sizes = None if pools is None else {query: len(pool) for query, pool in pools.items()}

    def judged_by(qrels: Qrels) -> dict[str, dict[str, dict[str, float]]]:
        counting = qrels if pools is None else in_pools(qrels, pools)
        how: dict[str, Any] = {"pool_sizes": sizes, "relevant_from": relevant_from, "unjudged": unjudged}
        return {label: per_query(counting, run, names, **how) for label, run in runs.items()}

    values = judged_by(collection.qrels)

    def scores(label: str, run: Run, found: Mapping[str, Mapping[str, float]], spent: float | None) -> SystemScores:
        encoding = repeated = None
        if label in embedders:
            encoding, repeated = collected.encoding(embedders[label])
        intervals, against = {}, {}
        for name in names:
            mine = list(found[name].values())
            intervals[name] = bootstrap_interval(mine, resamples=resamples, seed=seed)
            baseline = max(collected.legs, key=lambda leg: sum(values[leg][name].values()))
            if label != baseline:
                best = [values[baseline][name][query] for query in found[name]]
                against[name] = compare(baseline, mine, best, resamples=resamples, seed=seed)
        search = None if spent is None else max(0.0, spent - (repeated or 0.0))
        return SystemScores(label, run, found, intervals, against, search, encoding)

    unusual: dict[str, Any] = {"relevant_from": relevant_from} if relevant_from != 1 else {}
    unusual |= {"unjudged": unjudged} if unjudged != "irrelevant" else {}
    return Evaluation(
        collection=_described(collection),
        measures=names,
        legs={
            label: scores(label, run, values[label], collected.milliseconds(label))
            for label, run in collected.legs.items()
        },
        fused=scores(FUSED, collected.fused, values[FUSED], collected.milliseconds(None)),
        queries=len(collection.qrels),
        refused=refused,
        notes=(
            *caveats(
                collection,
                refused=refused,
                own=own,
                exclude_self=exclude_self,
                pools=pools,
                not_found=collected.not_found,
                relevant_from=relevant_from,
            ),
            *notes,
        ),
        settings={"exclude_self": exclude_self, "resamples": resamples, "seed": seed, **unusual, **(settings or {})},
        environment=environment(),
        groups=grouped(collection, values, judged_by, resamples=resamples, seed=seed),
        unjudged={label: _unjudged(collection.qrels, run) for label, run in runs.items()},
    )


def _described(collection: Collection) -> dict[str, Any]:
    return {
        "name": collection.name,
        "path": str(collection.path),
        "split": collection.split,
        "documents": len(collection.document_ids),
        "queries": len(collection.queries),
        "judgements": sum(map(len, collection.qrels.values())),
        "blank_documents": len(collection.blank),
        "unjudged_queries": collection.unjudged,
        "judged_documents_absent": len(collection.absent),
        "queries_without_relevant": len(collection.without_relevant),
    }


def _unjudged(qrels: Qrels, run: Run, first: int = 10) -> float:
    """Mean number of unjudged documents among the first ten of each query that has any."""
    counts = [
        sum(document not in qrels[query] for document, _ in ranking[:first])
        for query, ranking in run.items()
        if ranking
    ]
    return sum(counts) / len(counts) if counts else 0.0
