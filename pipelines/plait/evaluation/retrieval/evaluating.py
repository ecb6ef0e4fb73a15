"""Runs every judged query of a collection once, and measures each leg and their fusion."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from plait.contracts import Embedder, HasEmbedder, Hit, Query
from plait.contracts.errors import ConfigError, QueryError
from plait.evaluation.reporting import environment
from plait.evaluation.retrieval.collections import Collection
from plait.evaluation.retrieval.measures import DEFAULT_MEASURES, Coherence, check_measures, per_query
from plait.evaluation.retrieval.runs import Ranking, Run, documents_of
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

__all__ = ["FUSED", "Evaluation", "Found", "Retrieve", "SystemScores", "evaluate"]

FUSED = "fused"
"""Label of the fused list in reports."""

_AGAIN = 20  # queries that are encoded once more: enough to see whether an embedder keeps what it has just encoded


class Found(Protocol):
    """What one query brought up; :class:`plait.rag.Retrieval` is one."""

    @property
    def runs(self) -> Mapping[str, Sequence[Hit]]:
        """Retriever label -> hits, best first."""
        ...

    @property
    def fused(self) -> Sequence[Hit]:
        """What the pipeline hands on, best first."""
        ...

    @property
    def cpu_seconds(self) -> Mapping[str, float]:
        """CPU seconds by label; other keys (``fusion``, ``ranker``) belong to the fused list."""
        ...


Retrieve = Callable[[Query], Found]


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
    measures: Iterable[str] = DEFAULT_MEASURES,
    exclude_self: bool = False,
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
        measures: names such as ``nDCG@10``.
        exclude_self: leave the document whose id is the query's out of its run, in every leg.
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
    names = check_measures(measures)
    scipy_stats()
    asked, refused = _askable(collection)
    _warm_up(asked, retrieve)
    embedders = {
        label: retriever.embedder
        for label, retriever in (retrievers or {}).items()
        if isinstance(retriever, HasEmbedder) and isinstance(retriever.embedder, Embedder)
    }
    collected = _collect(asked, refused, retrieve, tuple(embedders.values()), exclude_self, progress)
    if not collected.legs:
        why = next(iter(refused.values()), "the collection has no query")
        raise ConfigError(f"there is nothing to measure: no query could be asked ({why})", where=collection.name)
    values = {label: per_query(collection.qrels, run, names) for label, run in collected.legs.items()}

    def scores(label: str, run: Run, found: Mapping[str, Mapping[str, float]], spent: float | None) -> SystemScores:
        encoding = repeated = None
        if label in embedders:
            encoding, repeated = collected.encoding(embedders[label])
        intervals, against = {}, {}
        for name in names:
            mine = list(found[name].values())
            intervals[name] = bootstrap_interval(mine, resamples=resamples, seed=seed)
            baseline = max(values, key=lambda leg: sum(values[leg][name].values()))
            if label != baseline:
                best = [values[baseline][name][query] for query in found[name]]
                against[name] = compare(baseline, mine, best, resamples=resamples, seed=seed)
        search = None if spent is None else max(0.0, spent - (repeated or 0.0))
        return SystemScores(label, run, found, intervals, against, search, encoding)

    fused = per_query(collection.qrels, collected.fused, names)
    return Evaluation(
        collection=_described(collection),
        measures=names,
        legs={
            label: scores(label, run, values[label], collected.milliseconds(label))
            for label, run in collected.legs.items()
        },
        fused=scores(FUSED, collected.fused, fused, collected.milliseconds(None)),
        queries=len(collection.qrels),
        refused=refused,
        notes=(*_notes(collection, refused), *notes),
        settings={"exclude_self": exclude_self, "resamples": resamples, "seed": seed, **(settings or {})},
        environment=environment(),
    )


@dataclass(slots=True)
class _Runs:
    """What all queries brought up: rankings of each leg and of the fused list, and CPU seconds by label.

    ``encoded`` and ``encoded_again`` hold the CPU seconds of each embedder, by its identity.
    """

    legs: dict[str, dict[str, Ranking]] = field(default_factory=dict)
    fused: dict[str, Ranking] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    encoded: dict[int, list[float]] = field(default_factory=dict)
    encoded_again: dict[int, list[float]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many queries were asked."""
        return len(self.fused)

    def milliseconds(self, label: str | None) -> float | None:
        """Mean CPU milliseconds of a leg; without a label, what came on top of the legs (fusion, ranker)."""
        own = [seconds for key, seconds in self.spent.items() if key == label or (not label and key not in self.legs)]
        return 1e3 * sum(own) / self.count if own else None

    def encoding(self, embedder: Embedder) -> tuple[float, float]:
        """Mean CPU milliseconds of encoding a query, and of encoding it again behind its retrieval."""
        first, again = self.encoded[id(embedder)], self.encoded_again.get(id(embedder)) or [0.0]
        return 1e3 * sum(first) / len(first), 1e3 * sum(again) / len(again)


def _askable(collection: Collection) -> tuple[dict[str, Query], dict[str, str]]:
    """The queries that are valid, and of the others why not."""
    asked: dict[str, Query] = {}
    refused: dict[str, str] = {}
    for identifier, entry in collection.queries.items():
        try:
            asked[identifier] = entry.query()
        except QueryError as error:
            refused[identifier] = str(error)
    return asked, refused


def _collect(
    asked: Mapping[str, Query],
    refused: dict[str, str],
    retrieve: Retrieve,
    embedders: Sequence[Embedder],
    exclude_self: bool,
    progress: Progress | None,
) -> _Runs:
    """Asks each query; one that the pipeline refuses is added to ``refused``."""
    collected = _Runs()
    distinct = {id(embedder): embedder for embedder in embedders}
    for done, (identifier, query) in enumerate(asked.items()):
        if progress is not None:
            progress("queries", done, len(asked))
        _encode(query, distinct, collected.encoded)
        try:
            found = retrieve(query)
        except QueryError as error:
            refused[identifier] = str(error)
            continue
        if done < _AGAIN:
            _encode(query, distinct, collected.encoded_again)
        exclude = (identifier,) if exclude_self else ()
        for label, hits in found.runs.items():
            collected.legs.setdefault(label, {})[identifier] = documents_of(hits, exclude)
        collected.fused[identifier] = documents_of(found.fused, exclude)
        for label, seconds in found.cpu_seconds.items():
            collected.spent[label] = collected.spent.get(label, 0.0) + seconds
    return collected


def _encode(query: Query, embedders: Mapping[int, Embedder], spent: dict[int, list[float]]) -> None:
    """Gives the query to each embedder, and notes what that took."""
    for key, embedder in embedders.items():
        start = time.process_time()
        embedder.embed_queries([query.text])
        spent.setdefault(key, []).append(time.process_time() - start)


def _warm_up(asked: Mapping[str, Query], retrieve: Retrieve) -> None:
    for query in reversed(list(asked.values())):  # the last, whose vector nobody keeps any more when its turn comes
        try:
            retrieve(query)
        except QueryError:
            continue  # it is refused again, and noted, when its turn comes
        return


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


def _notes(collection: Collection, refused: Mapping[str, str]) -> list[str]:
    notes = []
    if collection.absent:
        notes.append(
            f"{len(collection.absent)} judged documents are not in the corpus ({', '.join(collection.absent[:3])}"
            f"{', ...' if len(collection.absent) > 3 else ''}): nothing can find them"
        )
    if collection.blank:
        notes.append(f"{len(collection.blank)} documents of the corpus have neither title nor text: not indexed")
    if collection.without_relevant:
        notes.append(f"{len(collection.without_relevant)} judged queries have no relevant document and count 0")
    if refused:
        first = next(iter(refused))
        notes.append(f"{len(refused)} queries could not be asked and count 0; {first}: {refused[first]}")
    return notes
