"""One text vector and one text score per document, out of those of its passages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import IndexView

__all__ = ["best_passages", "document_vectors", "mean_vectors"]


def document_vectors(
    view: IndexView, column: str, embed: Callable[[Sequence[str]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Text vectors of all documents of a view: the mean of their passages', of length 1.

    A document without passages has no text to search, but it can still tie others together: its title is embedded.

    Args:
        view: the index.
        column: its column of passage vectors.
        embed: the embedder's function for passages.

    Returns:
        Shape (documents, dimension), in the order of ``view.document_ids``; kept by the view.
    """

    def build() -> NDArray[np.float32]:
        count = len(view.document_ids)
        vectors, empty = mean_vectors(view.vectors(column), view.document_numbers, count)
        if len(empty):
            ids = [view.document_ids[number] for number in empty]
            vectors[empty] = embed([view.title(i) or i for i in ids])
        vectors.setflags(write=False)
        return vectors

    return view.derived(f"document vectors:{column}", build)


def mean_vectors(
    vectors: NDArray[np.float32], numbers: NDArray[np.integer[Any]], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Means of the vectors of each document, of length 1, and the documents that have none (their rows are zero).

    Where vectors cancel out exactly, the document takes its first one.

    Example:
        >>> means, empty = mean_vectors(np.eye(2, dtype=np.float32), np.array([0, 2]), 3)
        >>> means.tolist(), empty.tolist()
        ([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], [1])
    """
    dimension = vectors.shape[1]
    totals = np.zeros((count, dimension), dtype=np.float32)
    order = np.argsort(numbers, kind="stable")
    owners, starts = np.unique(numbers[order], return_index=True)
    if len(owners):
        totals[owners] = np.add.reduceat(vectors[order], starts, axis=0)
        lengths = np.linalg.norm(totals[owners], axis=1, keepdims=True)
        first = vectors[order[starts]]
        totals[owners] = np.where(lengths > 1e-6, totals[owners] / np.maximum(lengths, 1e-6), first)
    return totals, np.setdiff1d(np.arange(count), owners)


def best_passages(
    scores: NDArray[np.float32], numbers: NDArray[np.integer[Any]], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Each document's highest passage score and the row it stands in; -inf and -1 for documents without passages.

    Example:
        >>> best_passages(np.array([0.25, 0.5, 0.5], np.float32), np.array([0, 0, 2]), 3)[1].tolist()
        [1, -1, 2]
    """
    best = np.full(count, -np.inf, dtype=np.float32)
    rows = np.full(count, -1, dtype=np.int64)
    # Ascending by score, and descending by row among equals: the last one written is the first of the best.
    order = np.lexsort((-np.arange(len(scores)), scores))
    order = order[scores[order] > -np.inf]
    rows[numbers[order]] = order
    found = rows >= 0
    best[found] = scores[rows[found]]
    return best, rows
