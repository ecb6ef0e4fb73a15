"""Figures of parts of a collection: its splits, where several were evaluated together, and its facets.

The values are those of the whole evaluation; a group is a sample of fewer queries, so its intervals are wider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plait.evaluation.retrieval.collections import Collection
from plait.evaluation.retrieval.facets import facets
from plait.evaluation.statistics.significance import Interval, bootstrap_interval

__all__ = ["QueryGroup", "grouped", "groups_of"]


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


def groups_of(collection: Collection) -> dict[tuple[str, str], tuple[str, ...]]:
    """(kind, name) -> queries: splits where there are several, facets where queries have one."""
    splits = collection.splits if len(collection.splits) > 1 else {}
    return {("split", name): queries for name, queries in splits.items()} | {
        ("facet", name): queries for name, queries in facets(collection).items()
    }


def grouped(
    collection: Collection,
    values: Mapping[str, Mapping[str, Mapping[str, float]]],
    *,
    resamples: int,
    seed: int,
) -> tuple[QueryGroup, ...]:
    """Means of each group.

    Args:
        collection: the queries.
        values: label -> measure -> query -> value.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    return tuple(
        QueryGroup(
            kind,
            name,
            len(queries),
            {
                label: {
                    measure: bootstrap_interval([each[query] for query in queries], resamples=resamples, seed=seed)
                    for measure, each in measures.items()
                }
                for label, measures in values.items()
            },
        )
        for (kind, name), queries in groups_of(collection).items()
    )
