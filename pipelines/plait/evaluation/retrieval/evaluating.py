"""Runs every judged query of a collection once, and measures each leg and their fusion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from plait.contracts import Hit, Query
from plait.contracts.errors import ConfigError, QueryError
from plait.evaluation.environment import environment
from plait.evaluation.retrieval.collections import Collection
from plait.evaluation.retrieval.evaluation import Comparison, Evaluation, SystemScores
from plait.evaluation.retrieval.measures import DEFAULT_MEASURES, check_measures, per_query
from plait.evaluation.retrieval.metering import metered
from plait.evaluation.retrieval.runs import Ranking, documents_of
from plait.evaluation.statistics.significance import (
    RESAMPLES,
    bootstrap_interval,
    paired_bootstrap,
    paired_randomisation,
)

__all__ = ["FUSED", "Found", "Retrieve", "evaluate"]

FUSED = "fused"
"""Label of the fused list in reports."""


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


def evaluate(
    collection: Collection,
    retrieve: Retrieve,
    *,
    measures: Iterable[str] = DEFAULT_MEASURES,
    exclude_self: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    retrievers: Mapping[str, object] | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
    notes: Iterable[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Asks every judged query once and measures what each leg and the fusion found.

    The first query is asked one time more beforehand, so that loading models and matrices is not counted as
    search. A query that cannot be asked (blank, too long) counts 0 and is named in ``refused``.

    Args:
        collection: the queries and judgements.
        retrieve: asks the pipeline, deep enough for the measures (100 documents for recall@100).
        measures: names such as ``nDCG@10``.
        exclude_self: leave the document whose id is the query's out of its run, in every leg.
        resamples: of the bootstrap and the randomisation test.
        seed: of both.
        retrievers: the legs' retrievers by label, to tell encoding from search (see ``metering``).
        progress: called with (what, queries done, queries in all).
        notes: added to the evaluation's notes.
        settings: added to the evaluation's settings.

    Raises:
        ConfigError: a measure does not exist, or no query could be asked.
        MissingDependencyError: ir-measures is not installed.
    """
    names = check_measures(measures)
    asked, refused = _askable(collection)
    _warm_up(asked, retrieve)
    with metered(retrievers or {}) as meters:
        collected = _collect(asked, refused, retrieve, exclude_self, progress)
    if not collected.legs:
        why = next(iter(refused.values()), "the collection has no query")
        raise ConfigError(f"there is nothing to measure: no query could be asked ({why})", where=collection.name)
    values = {label: per_query(collection.qrels, run, names) for label, run in collected.legs.items()}
    judge = _Judge(names, values, resamples, seed)
    encode = {label: 1e3 * meter.cpu_seconds / collected.count for label, meter in meters.items()}
    legs = {}
    for label, run in collected.legs.items():
        spent = collected.milliseconds(label)
        search = spent - encode.get(label, 0.0) if spent is not None else None
        legs[label] = judge.scores(label, run, values[label], search, encode.get(label))
    fused_values = per_query(collection.qrels, collected.fused, names)
    return Evaluation(
        collection=_described(collection),
        measures=names,
        legs=legs,
        fused=judge.scores(FUSED, collected.fused, fused_values, collected.milliseconds(None), None),
        queries=len(collection.qrels),
        refused=refused,
        notes=(*_notes(collection, refused), *notes),
        settings={"exclude_self": exclude_self, "resamples": resamples, "seed": seed, **(settings or {})},
        environment=environment(),
    )


@dataclass(slots=True)
class _Collected:
    """What all queries brought up: rankings of each leg and of the fused list, and CPU seconds by label."""

    legs: dict[str, dict[str, Ranking]] = field(default_factory=dict)
    fused: dict[str, Ranking] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many queries were asked."""
        return len(self.fused)

    def milliseconds(self, label: str | None) -> float | None:
        """Mean CPU milliseconds of a leg; without a label, what came on top of the legs (fusion, ranker)."""
        own = [seconds for key, seconds in self.spent.items() if key == label or (not label and key not in self.legs)]
        return 1e3 * sum(own) / self.count if own else None


@dataclass(frozen=True, slots=True)
class _Judge:
    """Puts values per query beside those of the leg that is best by each measure."""

    names: Sequence[str]
    legs: Mapping[str, Mapping[str, Mapping[str, float]]]
    resamples: int
    seed: int

    def scores(
        self,
        label: str,
        run: Mapping[str, Ranking],
        values: Mapping[str, Mapping[str, float]],
        search_ms: float | None,
        encode_ms: float | None,
    ) -> SystemScores:
        intervals, against = {}, {}
        how = {"resamples": self.resamples, "seed": self.seed}
        for name in self.names:
            baseline = max(self.legs, key=lambda leg: sum(self.legs[leg][name].values()))
            mine = list(values[name].values())
            intervals[name] = bootstrap_interval(mine, **how)
            if label == baseline:
                continue
            best = [self.legs[baseline][name][query] for query in values[name]]
            difference = (sum(mine) - sum(best)) / len(mine)
            against[name] = Comparison(
                baseline, difference, paired_randomisation(mine, best, **how), paired_bootstrap(mine, best, **how)
            )
        return SystemScores(label, run, values, intervals, against, search_ms, encode_ms)


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
    exclude_self: bool,
    progress: Callable[[str, int, int | None], None] | None,
) -> _Collected:
    """Asks each query; one that the pipeline refuses is added to ``refused``."""
    collected = _Collected()
    for done, (identifier, query) in enumerate(asked.items()):
        if progress is not None:
            progress("queries", done, len(asked))
        try:
            found = retrieve(query)
        except QueryError as error:
            refused[identifier] = str(error)
            continue
        exclude = (identifier,) if exclude_self else ()
        for label, hits in found.runs.items():
            collected.legs.setdefault(label, {})[identifier] = documents_of(hits, exclude)
        collected.fused[identifier] = documents_of(found.fused, exclude)
        for label, seconds in found.cpu_seconds.items():
            collected.spent[label] = collected.spent.get(label, 0.0) + seconds
    return collected


def _warm_up(asked: Mapping[str, Query], retrieve: Retrieve) -> None:
    for query in asked.values():
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
