"""Neighbour sampling: blocks, the part of a graph that one layer needs for some documents.

After GraphSAGE (Hamilton, Ying and Leskovec 2017, arXiv:1706.02216, algorithm 2): a batch of documents needs their
neighbours, and those theirs, layer by layer. Memory follows the batch, not the graph. PyTorch Geometric's
``NeighborLoader`` does the same with pyg-lib or torch-sparse, of which no wheels are on PyPI.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.contracts.errors import ConfigError
from plait.gnn.encoder_graph import Graph, among

__all__ = ["Block", "BlockEdges", "NeighbourSampler"]

Numbers = NDArray[np.int64]
_NO_KEYS: Numbers = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class BlockEdges:
    """Edges of one relation inside a block.

    The neighbours of target i are ``sources[starts[i]:starts[i + 1]]``, numbered within the block, with ``weights``
    beside that add up to 1 (to 0 where there are none).
    """

    starts: Tensor  # (targets + 1,)
    sources: Tensor  # (edges,)
    weights: Tensor  # (edges,)

    @property
    def targets(self) -> Tensor:
        """For each edge the target it leads to, shape (edges,)."""
        return torch.repeat_interleave(torch.diff(self.starts), output_size=len(self.sources))


@dataclass(frozen=True, slots=True)
class Block:
    """What one layer reads: ``nodes`` are document numbers, the first ``targets`` of them are the ones computed."""

    nodes: Numbers
    targets: int
    edges: tuple[BlockEdges, ...]  # of each relation

    @property
    def tied(self) -> Tensor:
        """Which targets have a neighbour, shape (targets, 1)."""
        degrees = torch.stack([torch.diff(edge.starts) for edge in self.edges])  # (relations, targets)
        return (degrees.sum(dim=0) > 0)[:, None]

    def to(self, device: torch.device) -> Block:
        """The block with its edges on a device."""
        moved = (BlockEdges(e.starts.to(device), e.sources.to(device), e.weights.to(device)) for e in self.edges)
        return Block(self.nodes, self.targets, tuple(moved))


class NeighbourSampler:
    """The edges of a graph as rows: row i of a relation holds what document i is tied to.

    Args:
        graph: the graph.
        relations: names of the relations to use, in this order.

    Raises:
        ConfigError: the graph has no such relation, or none is named.
    """

    def __init__(self, graph: Graph, relations: Sequence[str]) -> None:
        if not relations:
            raise ConfigError("no relation is named", where="graph encoder", choices=graph.relations)
        self.documents = len(graph.ids)
        self.relations = tuple(relations)
        self._rows: list[tuple[Numbers, Numbers, NDArray[np.float32]]] = []
        for name in relations:
            if name not in graph.relations:
                raise ConfigError(
                    f"the graph has no relation {name!r}",
                    where="graph encoder",
                    choices=graph.relations,
                    fix="build the graph with it, or leave it out of the encoder's relations",
                )
            relation = graph.relations[name]
            order = np.lexsort((relation.target, relation.source))
            starts = np.zeros(self.documents + 1, np.int64)
            np.cumsum(np.bincount(relation.source, minlength=self.documents), out=starts[1:])
            self._rows.append((starts, relation.target[order], relation.weight[order].astype(np.float32)))

    @property
    def degrees(self) -> Numbers:
        """Edges of each document over all relations, shape (documents,)."""
        total = np.zeros(self.documents, np.int64)
        for starts, _, _ in self._rows:
            total += np.diff(starts)
        return total

    def digest(self) -> str:
        """SHA-256 over relations and edges, as hexadecimal digits."""
        total = hashlib.sha256(repr((self.documents, self.relations)).encode())
        for row in self._rows:
            for array in row:
                total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()

    @property
    def tied(self) -> NDArray[np.bool_]:
        """Which documents have an edge in any of the relations, shape (documents,)."""
        return np.asarray(self.degrees > 0, dtype=np.bool_)

    def blocks(
        self,
        targets: Numbers,
        layers: int,
        *,
        fan_out: int | None = None,
        random: np.random.Generator | None = None,
        excluded: Numbers = _NO_KEYS,
    ) -> list[Block]:
        """Blocks for ``layers`` layers, outermost first; the targets of the last one are ``targets``.

        Args:
            targets: different document numbers.
            layers: how many.
            fan_out: most neighbours per document and relation. Of longer rows so many are drawn with replacement;
                the mean over the drawn ones estimates the mean over the row. None takes all.
            random: where draws come from; needed with ``fan_out``.
            excluded: sorted keys (see :func:`plait.gnn.encoder_graph.pair_keys`) of pairs that count as not tied.
        """
        found: list[Block] = []
        for _ in range(layers):
            block = self._block(targets, fan_out, random, excluded)
            found.append(block)
            targets = block.nodes
        return found[::-1]

    def _block(
        self, targets: Numbers, fan_out: int | None, random: np.random.Generator | None, excluded: Numbers
    ) -> Block:
        drawn = [self._draw(row, targets, fan_out, random, excluded) for row in self._rows]
        neighbours = np.unique(np.concatenate([sources for _, sources, _ in drawn]))
        ordered = np.sort(targets)
        nodes = np.concatenate([targets, neighbours[~among(neighbours, ordered)]])
        order = np.argsort(nodes, kind="stable")
        local = nodes[order]
        edges = tuple(
            BlockEdges(*map(torch.from_numpy, (starts, order[np.searchsorted(local, sources)], weights)))
            for starts, sources, weights in drawn
        )
        return Block(nodes, len(targets), edges)

    def _draw(
        self,
        row: tuple[Numbers, Numbers, NDArray[np.float32]],
        targets: Numbers,
        fan_out: int | None,
        random: np.random.Generator | None,
        excluded: Numbers,
    ) -> tuple[Numbers, Numbers, NDArray[np.float32]]:
        starts, columns, weights = row
        first, degree = starts[targets], starts[targets + 1] - starts[targets]
        taken = degree if fan_out is None else np.minimum(degree, fan_out)
        owner = np.repeat(np.arange(len(targets)), taken)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(taken) - taken, taken)
        if fan_out is not None and (long := degree > fan_out).any():
            if random is None:
                raise ValueError("drawing neighbours needs a random generator")
            of_long = long[owner]
            within[of_long] = (random.random(int(of_long.sum())) * degree[owner[of_long]]).astype(np.int64)
        places = first[owner] + within
        sources, strength = columns[places], weights[places]
        if len(excluded):
            keep = ~among(targets[owner] * self.documents + sources, excluded)
            owner, sources, strength = owner[keep], sources[keep], strength[keep]
        total = np.bincount(owner, weights=strength, minlength=len(targets))
        shares = (strength / total[owner]).astype(np.float32) if len(owner) else strength
        inner = np.zeros(len(targets) + 1, np.int64)
        np.cumsum(np.bincount(owner, minlength=len(targets)), out=inner[1:])
        return inner, sources, shares
