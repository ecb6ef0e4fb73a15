r"""Weights of a traversal: those that come with Plait, and how a graph's own citations teach others.

The references of some documents are hidden; their text is the query, and the documents they cite are to be found:

.. math:: \max_w \; \frac{1}{Q} \sum_q \frac{1}{|R_q|} \sum_{d \in R_q}
          \log \frac{e^{w \cdot f_{qd}}}{\sum_{d'} e^{w \cdot f_{qd'}}} - \frac{\lambda}{2} |w|^2

a concave function, climbed by Newton's method. Taken are the most recent documents with enough references: like a
question of today, they look back on the whole graph. No judged query takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import ConfigError
from plait.docgraph.graph import DocumentGraph
from plait.docgraph.traversal import FEATURES, Traversal, TraversalSettings, TraversalWeights

__all__ = ["DEFAULT_WEIGHTS", "TextScores", "learn_weights", "recent_citers"]

DEFAULT_WEIGHTS = TraversalWeights(
    weights={
        "text": 0.1104,
        "in_degree": -0.7491,
        "cited_by_hits": -0.0054,
        "cited_by_nearest": 0.0004,
        "cites_hits": 0.0379,
        "co_cited": 0.1244,
        "coupled": 0.0961,
        "neighbours": 0.0534,
        "pagerank": 0.8064,
        "pagerank_near": 0.1748,
        "citing_text": -0.1663,
        "best_citing_text": 0.5463,
        "cited_lately": 0.6019,
    },
    scales={
        "text": 0.1291,
        "in_degree": 1.0117,
        "cited_by_hits": 0.5894,
        "cited_by_nearest": 0.3361,
        "cites_hits": 0.7098,
        "co_cited": 0.7951,
        "coupled": 0.3877,
        "neighbours": 0.4631,
        "pagerank": 1.6748,
        "pagerank_near": 1.4311,
        "citing_text": 0.1578,
        "best_citing_text": 0.2602,
        "cited_lately": 0.6193,
    },
)
"""For indexes on which none were learnt. Learnt by :func:`learn_weights` from 400 recent papers of the ACL Anthology
network, whose titles had to find what they cite; ``plait train docgraph`` learns those of an index."""

_RIDGE = 1e-3  # lambda in the formula: keeps features that say the same from growing against each other
_CELLS = 10_000_000  # queries x documents: bounds memory to 520 MB of features
_RECENT = 0.25  # the share of dated documents that counts as recent

TextScores = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Numbers of documents -> text scores of all documents for each, shape (asked, documents)."""


def recent_citers(
    graph: DocumentGraph, years: NDArray[np.float64], count: int, *, least: Sequence[int] = (5, 3, 2), seed: int = 0
) -> NDArray[np.int64]:
    """Documents to learn from: drawn from the most recent of those that have references enough.

    Recent is the last quarter of them. Where that holds fewer than ``count``, documents with fewer references are taken
    in as well, and in the end the most recent ``count`` of all. Where no year is known, all of them count as recent.

    Args:
        graph: the graph.
        years: dates of its documents, NaN where unknown.
        count: how many to draw at most.
        least: how many references are enough: the first number that leaves documents enough, else the last.
        seed: of the draw.

    Raises:
        ConfigError: fewer than two documents have the least number of references.
    """
    references = np.bincount(graph.relations["cites"].source, minlength=len(graph.ids))
    pool = np.zeros(0, np.int64)
    for enough in least:
        able = np.flatnonzero(references >= enough)
        dated = able[np.isfinite(years[able])]
        pool = dated[years[dated] >= np.quantile(years[dated], 1.0 - _RECENT)] if len(dated) else able
        if len(pool) >= count:
            return np.sort(np.random.default_rng(seed).permutation(pool)[:count])
    if len(able) < 2:
        raise ConfigError(
            f"{len(able)} documents have {enough} references inside the graph, too few to learn weights from",
            where="graph traversal",
            fix="lower the least number of references, add documents, or give weights",
        )
    latest = np.argsort(-np.nan_to_num(years[able], nan=-np.inf), kind="stable")[:count]
    return np.sort(able[latest])


def learn_weights(
    graph: DocumentGraph,
    text_scores: TextScores,
    citers: NDArray[np.int64],
    settings: TraversalSettings | None = None,
    *,
    iterations: int = 25,
) -> TraversalWeights:
    """Weights with which the hidden references of ``citers`` are found.

    Args:
        graph: the graph.
        text_scores: of all documents for the text of given documents, as the text legs would score them.
        citers: documents whose references are hidden, see :func:`recent_citers`. On large graphs only the first ones
            that fit into memory are used.
        settings: how the graph is walked; use the same when searching.
        iterations: most Newton steps.

    Raises:
        ConfigError: none of the documents has a reference.
    """
    citers = citers[: max(2, _CELLS // len(graph.ids))]
    traversal = Traversal(graph, settings, without_references_of=citers)
    text = np.array(text_scores(citers), dtype=np.float32)
    asked = np.arange(len(citers))
    text[asked, citers] = -np.inf  # a document does not answer for itself
    features = traversal.features(text)  # (queries, documents, features)
    cites = graph.relations["cites"]
    number = np.full(len(graph.ids), -1)
    number[citers] = asked
    of_citers = (number[cites.source] >= 0) & (cites.source != cites.target)
    rows, columns = number[cites.source[of_citers]], cites.target[of_citers]
    if not len(rows):
        raise ConfigError("none of these documents has a reference", where="graph traversal")
    share = 1.0 / np.bincount(rows, minlength=len(citers))[rows]
    answered = np.unique(rows)
    scales: NDArray[np.float64] = np.maximum(features.std(axis=(0, 1), dtype=np.float64), 1e-6)
    features /= scales.astype(np.float32)
    features[asked, citers] = 0.0
    wanted: NDArray[np.float64] = (features[rows, columns] * share[:, None]).sum(axis=0, dtype=np.float64) / len(
        answered
    )
    weights = np.zeros(len(FEATURES))
    for _ in range(iterations):
        step = _newton_step(features, citers, answered, wanted, weights)
        weights += step
        if np.abs(step).max() < 1e-4:
            break
    return TraversalWeights(
        {name: round(float(value), 6) for name, value in zip(FEATURES, weights, strict=True)},
        {name: round(float(value), 9) for name, value in zip(FEATURES, scales, strict=True)},
    )


def _newton_step(
    features: NDArray[np.float32],
    citers: NDArray[np.int64],
    answered: NDArray[np.int64],
    wanted: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The next step: gradient = wanted - expected features, Hessian = minus their covariance."""
    size = features.shape[2]
    expected, covariance = np.zeros(size), np.zeros((size, size))
    for query in answered:
        table = features[query]  # (documents, features)
        logits = table @ weights.astype(np.float32)
        logits[citers[query]] = -np.inf
        chance = np.exp(logits - logits.max())
        chance /= chance.sum()
        mean = (chance @ table).astype(np.float64)
        expected += mean
        covariance += (table * chance[:, None]).T @ table - np.outer(mean, mean)
    gradient = wanted - expected / len(answered) - _RIDGE * weights
    hessian = covariance / len(answered) + _RIDGE * np.eye(size)
    step: NDArray[np.float64] = np.asarray(np.linalg.solve(hessian, gradient), dtype=np.float64)
    # Far from the top the quadratic model can overshoot: no weight moves by more than 1 at once.
    capped: NDArray[np.float64] = step / max(1.0, float(np.abs(step).max()))
    return capped
