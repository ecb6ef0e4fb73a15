r"""Measures of rankings: is what was found relevant, and does it belong together?

Relevance is measured by ir-measures (MacAvaney et al. 2022) over trec_eval's own code. Three rules make figures
comparable:

* **Order is what the system returned.** trec_eval and MS MARCO's script break ties between equal scores in
  opposite directions, by document id. Here each measure is given ranks, so all see one order and none sees a tie.
* **Every judged query counts.** One without hits, or without a relevant document, counts 0.
* **Unjudged documents are not relevant.**

Coherence is that of the first k documents, beside their relevance:

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
from typing import Any

from plait.contracts import Edge
from plait.contracts.errors import ConfigError, MissingDependencyError
from plait.evaluation.retrieval.collections import Qrels
from plait.evaluation.retrieval.runs import Run
from plait.evaluation.statistics.significance import Interval, bootstrap_interval

__all__ = [
    "DEFAULT_MEASURES",
    "Coherence",
    "check_measures",
    "coherence",
    "linked_share",
    "per_query",
    "stated_by",
    "topical_entropy",
]

DEFAULT_MEASURES = ("nDCG@10", "recall@100", "MRR@10")

# How people write them -> how ir-measures does. All but MAP need a cutoff.
_NAMES = {
    "ndcg": "nDCG",
    "recall": "R",
    "r": "R",
    "mrr": "RR",
    "rr": "RR",
    "success": "Success",
    "hits": "Success",
    "precision": "P",
    "p": "P",
    "map": "AP",
    "ap": "AP",
}
_CHOICES = ("nDCG@k", "recall@k", "MRR@k", "precision@k", "success@k", "MAP", "MAP@k")


def per_query(qrels: Qrels, run: Run, measures: Iterable[str] = DEFAULT_MEASURES) -> dict[str, dict[str, float]]:
    """Measure -> query -> value, for every judged query.

    nDCG@k is trec_eval's: gain = grade (0 when negative), discount = 1 / log2(rank + 1), divided by the same sum
    over the best order possible. recall@k = relevant among the first k / all relevant. MRR@k = 1 / rank of the
    first relevant, 0 below rank k. MAP = mean of the precisions at the relevant documents, those not found as 0.

    Args:
        qrels: the judgements; a document is relevant from grade 1 up.
        run: the rankings, best first. Queries that are not judged are ignored.
        measures: names such as ``nDCG@10``.

    Raises:
        ConfigError: a measure has no such name, or no cutoff; or one document is in a ranking twice.
        MissingDependencyError: ir-measures is not installed.
    """
    names = list(dict.fromkeys(measures))
    parsed = {name: _parse(name) for name in names}
    library = _library()
    asked = {name: library.parse_measure(parsed[name]) for name in names}
    # pytrec_eval reads grades below 0 as gains below 0 in some builds: nothing below 0 can be relevant anyway.
    judged = {query: {document: max(0, grade) for document, grade in grades.items()} for query, grades in qrels.items()}
    ranked = {query: _by_rank(query, run[query]) for query in qrels if run.get(query)}
    values: dict[Any, dict[str, float]] = {measure: dict.fromkeys(qrels, 0.0) for measure in asked.values()}
    if ranked:
        for metric in library.iter_calc(list(values), judged, ranked):
            values[metric.measure][metric.query_id] = float(metric.value)
    return {name: values[asked[name]] for name in names}


def check_measures(measures: Iterable[str]) -> tuple[str, ...]:
    """The names, each once; raises before a long run what :func:`per_query` would raise after it.

    Raises:
        ConfigError: a measure has no such name, or no cutoff.
        MissingDependencyError: ir-measures is not installed.
    """
    names = tuple(dict.fromkeys(measures))
    for name in names:
        _parse(name)
    _library()
    return names


def _parse(name: str) -> str:
    """Name as ir-measures writes it.

    Example:
        >>> _parse("recall@100"), _parse("MAP")
        ('R@100', 'AP')
    """
    stem, at, cutoff = name.partition("@")
    known = _NAMES.get(stem.strip().lower())
    valid = cutoff.isascii() and cutoff.isdigit() and int(cutoff) > 0 if at else known == "AP"
    if known is None or not valid:
        raise ConfigError(f"there is no measure {name!r}", choices=_CHOICES, fix="write k as a number, as in nDCG@10")
    return f"{known}@{int(cutoff)}" if at else known


def _library() -> Any:
    try:
        import ir_measures
    except ImportError as error:
        raise MissingDependencyError(
            "measuring needs the package ir-measures", fix="pip install 'plait[evaluation]'"
        ) from error
    return ir_measures


def _by_rank(query: str, ranking: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Scores that say the order and nothing else: whole numbers, exact in trec_eval's single precision."""
    ranks = {document: float(-rank) for rank, (document, _) in enumerate(ranking, start=1)}
    if len(ranks) != len(ranking):
        raise ConfigError(f"the ranking of query {query!r} holds a document twice", fix="take documents_of(hits)")
    return ranks


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
