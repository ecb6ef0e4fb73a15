"""Link prediction: the loss it is trained by, and held-out links to measure it on.

The control that a claim about links needs is made by :mod:`plait.docgraph.rewiring`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from plait.contracts.errors import ConfigError
from plait.gnn.encoder_graph import Graph, Pairs, among, pair_keys

__all__ = [
    "LinkScores",
    "area_under_curve",
    "hits_at",
    "holdout",
    "info_nce",
    "link_scores",
    "random_negatives",
    "true_elsewhere",
]

AnyGraph = TypeVar("AnyGraph", bound=Graph)
_CELLS = 50_000_000  # cosines that hits_at works out at once: 200 MB


def info_nce(first: Tensor, second: Tensor, temperature: float, ignored: Tensor | None = None) -> Tensor:
    r"""InfoNCE with in-batch negatives, in both directions.

    van den Oord, Li and Vinyals 2018, *Representation learning with contrastive predictive coding* (arXiv:1807.03748).
    For pairs (u_i, v_i) of a batch and cosines s_ij = z_{u_i} . z_{v_j}:

    .. math:: L = -\frac{1}{2B} \sum_i \log \frac{e^{s_{ii}/\tau}}{\sum_j e^{s_{ij}/\tau}}
                  + \log \frac{e^{s_{ii}/\tau}}{\sum_j e^{s_{ji}/\tau}}

    Args:
        first: unit vectors of the pairs' first documents, shape (batch, dimension).
        second: of the second documents, the same shape.
        temperature: divides the cosines.
        ignored: cells that are no negatives, shape (batch, batch); the diagonal must be False.
    """
    scores = first @ second.T / temperature  # (batch, batch)
    if ignored is not None:
        scores = scores.masked_fill(ignored, -torch.inf)
    labels = torch.arange(len(scores), device=scores.device)
    return (functional.cross_entropy(scores, labels) + functional.cross_entropy(scores.T, labels)) / 2


def true_elsewhere(pairs: Pairs, linked: NDArray[np.int64], documents: int) -> NDArray[np.bool_]:
    """Cells (i, j), i != j, where u_i and v_j are one document or are truly linked: not to be pushed apart.

    Args:
        pairs: the batch, shape (batch, 2).
        linked: sorted keys of all training pairs in both orders.
        documents: how many documents there are.
    """
    size = len(pairs)
    first, second = pairs[:, 0], pairs[:, 1]
    cells = np.equal.outer(first, second)
    # The partners of every u_i, then where they stand among the v_j: a search for each of the batch's cells would
    # take longer than the rest of the step.
    start, end = (np.searchsorted(linked, (first + extra) * documents) for extra in (0, 1))
    row, place = _ranges(start, end)
    partner = linked[place] % documents
    order = np.argsort(second, kind="stable")
    ordered = second[order]
    low, high = (np.searchsorted(ordered, partner, side=side) for side in ("left", "right"))
    found, column = _ranges(low, high)
    cells[row[found], order[column]] = True
    cells[np.arange(size), np.arange(size)] = False
    return cells


@dataclass(frozen=True, slots=True)
class LinkScores:
    """Area under the ROC curve against random negatives, and the share of links found among the ten nearest."""

    auc: float
    hits_at_10: float


def holdout(graph: AnyGraph, share: float, seed: int, *, relation: str = "cites") -> tuple[AnyGraph, Pairs]:
    """Sets some links aside for measuring: the graph without them in any relation, and the pairs, shape (k, 2).

    Raises:
        ConfigError: share is not between 0 and 1, or leaves no pair on one of the sides.
    """
    edges = graph.relations.get(relation)
    count = len(graph.ids)
    directed = np.zeros((0, 2), np.int64) if edges is None else np.stack([edges.source, edges.target], axis=1)
    directed = directed[directed[:, 0] != directed[:, 1]]
    # Two papers may cite each other: both links go to one side, or the one would give away the other.
    low, high = directed.min(axis=1), directed.max(axis=1)
    _, first = np.unique(low * count + high, return_index=True)
    pairs = directed[np.sort(first)]
    held = round(share * len(pairs))
    if not 0 < held < len(pairs):
        raise ConfigError(
            f"a share of {share} of {len(pairs)} links of {relation!r} leaves no link to learn from or to measure on",
            where="holdout",
            fix="choose a share such as 0.2, and a graph with at least ten links",
        )
    chosen = pairs[np.random.default_rng(seed).permutation(len(pairs))[:held]]
    return graph.without(chosen), chosen


def random_negatives(graph: Graph, count: int, seed: int, *, relation: str = "cites") -> Pairs:
    """Pairs of different documents that the relation does not tie, shape (count, 2).

    Raises:
        ConfigError: the graph has too few documents that are not tied.
    """
    edges = graph.relations[relation]
    documents = len(graph.ids)
    linked = pair_keys(np.stack([edges.source, edges.target], axis=1), documents)
    if documents * (documents - 1) < 2 * len(linked) + 2:
        raise ConfigError("nearly all documents are tied, so there are no negatives", where="link scores")
    generator = np.random.default_rng(seed)
    found = np.zeros((0, 2), np.int64)
    while len(found) < count:
        drawn = generator.integers(0, documents, size=(count, 2))
        free = (drawn[:, 0] != drawn[:, 1]) & ~among(drawn[:, 0] * documents + drawn[:, 1], linked)
        found = np.concatenate([found, drawn[free]])
    return found[:count]


def link_scores(vectors: NDArray[np.float32], pairs: Pairs, negatives: Pairs) -> LinkScores:
    """How well cosines of unit vectors find held-out pairs."""
    positive = np.einsum("ij,ij->i", vectors[pairs[:, 0]], vectors[pairs[:, 1]])
    negative = np.einsum("ij,ij->i", vectors[negatives[:, 0]], vectors[negatives[:, 1]])
    return LinkScores(area_under_curve(positive, negative), hits_at(vectors, pairs, 10))


def area_under_curve(positive: NDArray[np.floating], negative: NDArray[np.floating]) -> float:
    """The share of (positive, negative) pairs in which the positive scores higher; equal ones count half.

    Example:
        >>> area_under_curve(np.array([.9, .5]), np.array([.5, .1]))
        0.875
    """
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).sum() / (2.0 * len(positive) * len(negative)))


def hits_at(vectors: NDArray[np.float32], pairs: Pairs, k: int = 10) -> float:
    """The share of pairs (u, v) with v among the k documents nearest to u; u itself does not count."""
    step = max(1, _CELLS // len(vectors))
    hits = 0
    for start in range(0, len(pairs), step):
        first, second = pairs[start : start + step].T
        scores = vectors[first] @ vectors.T  # (step, documents)
        rows = np.arange(len(first))
        scores[rows, first] = -np.inf
        better = (scores > scores[rows, second][:, None]).sum(axis=1)
        hits += int((better < k).sum())
    return hits / len(pairs)


def _ranges(start: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All numbers from start[i] up to end[i], and the i of each.

    Example:
        >>> [part.tolist() for part in _ranges(np.array([5, 2]), np.array([7, 3]))]
        [[0, 0, 1], [5, 6, 2]]
    """
    lengths = end - start
    owner = np.repeat(np.arange(len(start)), lengths)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + start[owner]
