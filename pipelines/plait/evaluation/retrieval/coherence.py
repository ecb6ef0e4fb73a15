r"""Coherence: does what was found first belong together? Beside relevance, of the first k documents.

* **Linked pairs**: of all pairs among the first k, the share that is linked (one cites the other, say).
* **Topical entropy**: how scattered their topics are. Every document spreads one unit over its topics;
  with p the distribution over the first k,

.. math:: H = -\sum_t p_t \log_2 p_t

0 bits when all share one topic, log2 k when each has its own. Documents without a topic are left out, and queries with
fewer than two hits that have one.

Structure-aware retrieval claims to raise the first and to lower the second (Munikoti et al. 2023, arXiv:2311.12289).
The queries are the sample of the intervals.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from plait.contracts import Edge
from plait.contracts.errors import ConfigError
from plait.evaluation.statistics.significance import Interval, bootstrap_interval

__all__ = ["Coherence", "coherence", "linked_share", "stated_by", "topical_entropy"]

Rankings = Mapping[str, Sequence[str]]
"""Query id -> document ids, best first."""


@dataclass(frozen=True, slots=True)
class Coherence:
    """Means over queries with their bootstrap intervals; None where no query has a value."""

    k: int
    linked: Interval | None
    entropy: Interval | None


def coherence(
    rankings: Rankings,
    links: Iterable[tuple[str, str]],
    topics: Mapping[str, Collection[str]] | None = None,
    *,
    k: int = 5,
    seed: int = 0,
) -> Coherence:
    """Both measures of a set of rankings.

    Args:
        rankings: query id -> document ids, best first.
        links: pairs of documents that are linked, in any order.
        topics: document id -> its topics.
        k: how many hits of each query count.
        seed: of the bootstrap.

    Raises:
        ConfigError: k is below 2, or a document is twice among the hits of a query.

    Example:
        >>> found = coherence({"q": ["a", "b", "c"]}, [("b", "a")], {"a": ["x"], "b": ["x"], "c": ["y", "x"]}, k=3)
        >>> round(found.linked.mean, 3), round(found.entropy.mean, 3)
        (0.333, 0.65)
    """
    linked = list(linked_share(rankings, links, k=k).values())
    scattered = list(topical_entropy(rankings, topics, k=k).values()) if topics else []
    return Coherence(
        k,
        bootstrap_interval(linked, seed=seed) if linked else None,
        bootstrap_interval(scattered, seed=seed) if scattered else None,
    )


def stated_by(facts: Iterable[Edge]) -> tuple[list[tuple[str, str]], dict[str, list[str]]]:
    """Citations as pairs of documents, and the topics of each document, out of the facts that an index keeps.

    Example:
        >>> stated_by([Edge("a", "cites", "b"), Edge("a", "cites", "", 0.0, "unknown"), Edge("a", "topic", "looms")])
        ([('a', 'b')], {'a': ['looms']})
    """
    links: list[tuple[str, str]] = []
    topics: dict[str, list[str]] = {}
    for fact in facts:
        if fact.relation == "cites" and fact.target:
            links.append((fact.source, fact.target))
        elif fact.relation == "topic":
            topics.setdefault(fact.source, []).append(fact.target)
    return links, topics


def linked_share(rankings: Rankings, links: Iterable[tuple[str, str]], *, k: int = 5) -> dict[str, float]:
    """Query -> share of linked pairs among its first k hits; queries with fewer than two hits are left out.

    Raises:
        ConfigError: k is below 2, or a document is twice among the hits of a query.
    """
    known = {frozenset(pair) for pair in links}
    shares = {}
    for query, documents in _first(rankings, k).items():
        pairs = [frozenset(pair) for pair in combinations(documents, 2)]
        if pairs:
            shares[query] = sum(pair in known for pair in pairs) / len(pairs)
    return shares


def topical_entropy(rankings: Rankings, topics: Mapping[str, Collection[str]], *, k: int = 5) -> dict[str, float]:
    """Query -> entropy in bits of the topics of its first k hits.

    Raises:
        ConfigError: k is below 2, or a document is twice among the hits of a query.
    """
    entropies = {}
    for query, documents in _first(rankings, k).items():
        spread: dict[str, float] = defaultdict(float)
        counted = 0
        for document in documents:
            if own := set(topics.get(document, ())):
                counted += 1
                for topic in own:
                    spread[topic] += 1 / len(own)
        if counted >= 2:
            entropies[query] = -math.fsum(mass / counted * math.log2(mass / counted) for mass in spread.values())
    return entropies


def _first(rankings: Rankings, k: int) -> dict[str, Sequence[str]]:
    if k < 2:
        raise ConfigError(f"k is {k}, but coherence is about pairs", where="coherence", fix="choose k of at least 2")
    first = {query: documents[:k] for query, documents in rankings.items()}
    for query, documents in first.items():
        if len(set(documents)) < len(documents):
            raise ConfigError(f"the ranking of query {query!r} holds a document twice", fix="take documents_of(hits)")
    return first
