"""Structural vectors of all documents, layer by layer and some documents at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.contracts import Structural
from plait.contracts.errors import ModelError
from plait.gnn.encoders import Encoder
from plait.gnn.sampling import Block, NeighbourSampler
from plait.gnn.structure import Graph

__all__ = ["Structural", "check_features", "encode"]

_EDGES = 500_000  # most edges of one chunk, beyond a single document's own
_TARGETS = 16_384  # most documents of one chunk: at 384 dimensions 25 MB of states


def encode(encoder: Encoder, graph: Graph, features: NDArray[np.float32], relations: Sequence[str]) -> Structural:
    """Structural vectors of every document of a graph, also of documents that were not there in training.

    Exact: all neighbours are used. Each layer is computed for all documents before the next, in chunks, so memory
    holds two layers' states and one chunk's neighbours.

    Args:
        encoder: an encoder, trained or not.
        graph: the graph.
        features: text vectors of length 1, shape (documents, dimension).
        relations: the relations that the encoder knows, in its order.

    Raises:
        ModelError: features do not fit the graph, or are not finite vectors of length 1.
        ConfigError: the graph lacks a relation.
    """
    check_features(graph, features)
    sampler = NeighbourSampler(graph, relations)
    device = next((value.device for value in encoder.parameters()), torch.device("cpu"))
    text = np.require(features, np.float32, ["C", "W"])  # torch warns of memory that must not be written
    tied = sampler.tied
    with torch.inference_mode():
        states = _rows(len(text), lambda chunk: encoder.begin(torch.from_numpy(text[chunk]).to(device)))
        for number in range(encoder.depth):
            following: NDArray[np.float32] | None = None
            for block in _chunks(sampler):
                own = block.nodes[: block.targets]
                found = encoder.layer(
                    number,
                    torch.from_numpy(states[block.nodes]).to(device),
                    torch.from_numpy(text[own]).to(device),
                    block.to(device),
                )
                if following is None:
                    following = np.empty((len(text), found.shape[1]), np.float32)
                following[own] = found.cpu().numpy()
            states = states if following is None else following
        vectors = _rows(
            len(text),
            lambda chunk: encoder.finish(
                torch.from_numpy(states[chunk]).to(device), torch.from_numpy(text[chunk]).to(device)
            ),
        )
    vectors[~tied] = text[~tied]
    if not np.isfinite(vectors).all():
        raise ModelError("the graph encoder gave vectors that are not finite", fix="train it again")
    return Structural(vectors, tied)


def check_features(graph: Graph, features: NDArray[np.float32]) -> None:
    """One finite vector of length 1 per document.

    Raises:
        ModelError: they are not.
    """
    if features.ndim != 2 or len(features) != len(graph.ids):
        raise ModelError(
            f"the graph has {len(graph.ids)} documents, but the text features have the shape {features.shape}",
            where="graph encoder",
            fix="give one text vector per document, in the order of the graph's ids",
        )
    lengths = np.linalg.norm(features, axis=1)
    if not (np.abs(lengths - 1.0) < 1e-2).all():
        wrong = int(np.argmin(np.abs(lengths - 1.0) < 1e-2))
        raise ModelError(
            f"the text vector of document {graph.ids[wrong]!r} has length {lengths[wrong]:.3g}, not 1",
            where="graph encoder",
            fix="give vectors as an embedder makes them",
        )


def _chunks(sampler: NeighbourSampler) -> Iterator[Block]:
    """Blocks of one layer over all documents."""
    edges = np.cumsum(sampler.degrees)
    start = 0
    while start < sampler.documents:
        before = int(edges[start - 1]) if start else 0
        end = int(np.searchsorted(edges, before + _EDGES, side="right"))
        end = min(max(end, start + 1), start + _TARGETS)
        yield sampler.blocks(np.arange(start, end), 1)[0]
        start = end


def _rows(count: int, compute: Callable[[slice], Tensor]) -> NDArray[np.float32]:
    """Calls ``compute`` for slices of the documents and puts the results below each other."""
    parts = [compute(slice(start, start + _TARGETS)).cpu().numpy() for start in range(0, max(count, 1), _TARGETS)]
    return np.concatenate(parts).astype(np.float32, copy=True)
