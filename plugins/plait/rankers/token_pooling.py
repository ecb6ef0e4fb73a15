"""Fewer vectors a passage: tokens that lie close together share their mean."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from plait.config.extras import require

__all__ = ["pooled"]


def pooled(vectors: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Hierarchical clusters by Ward's criterion, each as the mean of its tokens, of length 1.

    Of Clavié, Chaffin and Adams 2024, *Reducing the Footprint of Multi-Vector Retrieval with Minimal Performance
    Impact via Token Pooling* (arXiv:2409.14683); between vectors of length 1 the squared distance is 2 - 2 cos.

    Args:
        vectors: of one passage's tokens, of length 1, shape (tokens, dimension).
        factor: how many tokens share one vector, on average; 1 gives the vectors as they are.

    Returns:
        shape (tokens / factor rounded up, dimension), in order of each cluster's first token.

    Raises:
        MissingDependencyError: scipy is not installed.

    Example:
        >>> pooled(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32), 2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    wanted = math.ceil(len(vectors) / factor)
    if wanted == len(vectors):
        return vectors
    hierarchy = require("scipy.cluster.hierarchy", "plait[evaluation]", needed_by="the ranker 'late' with pool above 1")
    tree = hierarchy.linkage(vectors.astype(np.float64), method="ward")
    labels = hierarchy.fcluster(tree, wanted, criterion="maxclust")
    _, first, cluster = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))  # cluster -> its place by first token
    sums = np.zeros((len(first), vectors.shape[1]))
    np.add.at(sums, order[cluster], vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    # Opposite vectors may sum to nothing; then the cluster's first token stands for it.
    sums = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), vectors[np.sort(first)])
    return sums.astype(np.float32)
