r"""InfoNCE link prediction with in-batch negatives.

van den Oord, Li and Vinyals 2018, *Representation learning with contrastive predictive coding* (arXiv:1807.03748).
For pairs (u_i, v_i) of a batch and cosines s_ij = z_{u_i} . z_{v_j}:

.. math:: L = -\frac{1}{2B} \sum_i \log \frac{e^{s_{ii}/\tau}}{\sum_j e^{s_{ij}/\tau}}
              + \log \frac{e^{s_{ii}/\tau}}{\sum_j e^{s_{ji}/\tau}}
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from plait.gnn.structure import Pairs

__all__ = ["info_nce", "true_elsewhere"]


def info_nce(first: Tensor, second: Tensor, temperature: float, ignored: Tensor | None = None) -> Tensor:
    """The loss in both directions.

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


def _ranges(start: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All numbers from start[i] up to end[i], and the i of each.

    Example:
        >>> [part.tolist() for part in _ranges(np.array([5, 2]), np.array([7, 3]))]
        [[0, 0, 1], [5, 6, 2]]
    """
    lengths = end - start
    owner = np.repeat(np.arange(len(start)), lengths)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + start[owner]
