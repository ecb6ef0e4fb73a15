"""Figures of parts of a collection: its splits, where several were evaluated together, and its facets.

A facet's values are those of the whole evaluation; a split's are by its own judgements. A group is a sample of fewer
queries, so its intervals are wider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plait.evaluation.retrieval.collections import Collection, Qrels
from plait.evaluation.retrieval.facets import facets
from plait.evaluation.statistics.significance import Interval, bootstrap_interval

__all__ = ["QueryGroup", "grouped"]

Values = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Label of a system -> measure -> query -> value."""


@dataclass(frozen=True, slots=True)
class QueryGroup:
    """One split or facet.

    Args:
        kind: ``split`` or ``facet``.
        name: which.
        queries: how many.
        systems: label -> measure -> mean with its interval.
    """

    kind: str
    name: str
    queries: int
    systems: Mapping[str, Mapping[str, Interval]]


def grouped(
    collection: Collection,
    values: Values,
    judged_by: Callable[[Qrels], Values],
    *,
    resamples: int,
    seed: int,
) -> tuple[QueryGroup, ...]:
    """Means of each split, where there are several, and of each facet, where queries have one.

    Args:
        collection: the queries.
        values: label -> measure -> query -> value, of the whole evaluation.
        judged_by: gives the values by the judgements of one split.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    found: list[tuple[str, str, Values]] = []
    if len(collection.splits) > 1:
        found += [("split", name, judged_by(qrels)) for name, qrels in collection.splits.items()]
    for facet, queries in facets(collection).items():
        part = {
            label: {measure: {query: each[query] for query in queries} for measure, each in measures.items()}
            for label, measures in values.items()
        }
        found.append(("facet", facet, part))

    def interval(each: Mapping[str, float]) -> Interval:
        return bootstrap_interval(list(each.values()), resamples=resamples, seed=seed)

    return tuple(
        QueryGroup(
            kind,
            name,
            max(len(each) for measures in part.values() for each in measures.values()),
            {
                label: {measure: interval(each) for measure, each in measures.items()}
                for label, measures in part.items()
            },
        )
        for kind, name, part in found
    )
