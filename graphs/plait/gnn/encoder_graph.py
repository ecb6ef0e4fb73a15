"""What the encoders need of a document graph: ids, typed edges, and a copy without some pairs.

Anything with these members will do; :class:`ArrayGraph` is the plainest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import DocumentError

__all__ = ["ArrayGraph", "ArrayRelation", "Edges", "Graph", "Pairs", "among", "pair_keys"]

Pairs = NDArray[np.int64]
"""Pairs of documents by number, shape (k, 2)."""


class Edges(Protocol):
    """Edges of one type: document ``source[i]`` is tied to document ``target[i]`` with ``weight[i]``."""

    @property
    def source(self) -> NDArray[np.int64]:
        """Document numbers, shape (edges,)."""
        ...

    @property
    def target(self) -> NDArray[np.int64]:
        """Document numbers, shape (edges,)."""
        ...

    @property
    def weight(self) -> NDArray[np.float32]:
        """Strengths above 0, shape (edges,)."""
        ...


class Graph(Protocol):
    """Documents and how they are tied. Document i is ``ids[i]``."""

    @property
    def ids(self) -> Sequence[str]:
        """Ids of the documents."""
        ...

    @property
    def relations(self) -> Mapping[str, Edges]:
        """Name -> edges. A symmetric relation holds both directions."""
        ...

    def without(self, pairs: Any) -> Self:
        """A copy in which no relation ties these pairs, nor is derived from such a tie."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayRelation:
    """Edges of one type as arrays of one length.

    Raises:
        DocumentError: the arrays differ in length, or a weight is not a number above 0.
    """

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float32]

    def __post_init__(self) -> None:
        if not len(self.source) == len(self.target) == len(self.weight):
            raise DocumentError(
                f"a relation has {len(self.source)} sources, {len(self.target)} targets, {len(self.weight)} weights",
                fix="give three arrays of one length",
            )
        if len(self.weight) and not (np.isfinite(self.weight).all() and self.weight.min() > 0):
            raise DocumentError("a relation has a weight that is not a finite number above 0", fix="leave the edge out")

    @classmethod
    def of(cls, pairs: Any, weight: Any = None) -> ArrayRelation:
        """From pairs, shape (k, 2), and their weights, 1 where none are given.

        Example:
            >>> ArrayRelation.of([(0, 1), (1, 2)]).target.tolist()
            [1, 2]
        """
        table = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
        weights = np.ones(len(table), np.float32) if weight is None else np.asarray(weight, dtype=np.float32)
        return cls(table[:, 0].copy(), table[:, 1].copy(), weights)

    @property
    def reversed(self) -> ArrayRelation:
        """The same edges the other way round."""
        return ArrayRelation(self.target, self.source, self.weight)


@dataclass(frozen=True, eq=False)
class ArrayGraph:
    """A graph that is nothing but arrays.

    Its ``without`` takes out the edges between the pairs, in both directions and in every relation. It derives
    nothing, so relations that were themselves derived from citations keep what they hold about other pairs.

    Raises:
        DocumentError: an edge names a document that does not exist.

    Example:
        >>> graph = ArrayGraph(("a", "b", "c"), {"cites": ArrayRelation.of([(0, 1), (1, 2)])})
        >>> graph.without([(1, 0)]).relations["cites"].source.tolist()
        [1]
    """

    ids: tuple[str, ...]
    relations: Mapping[str, ArrayRelation]

    def __post_init__(self) -> None:
        for name, relation in self.relations.items():
            for ends in (relation.source, relation.target):
                if len(ends) and not 0 <= ends.min() <= ends.max() < len(self.ids):
                    raise DocumentError(
                        f"relation {name!r} names document {int(ends.max())}, but there are {len(self.ids)} documents",
                        fix="number documents from 0 in the order of ids",
                    )

    def without(self, pairs: Any) -> ArrayGraph:
        """A copy without any edge between the two documents of a pair."""
        excluded = pair_keys(pairs, len(self.ids))
        kept = {}
        for name, relation in self.relations.items():
            keep = ~among(relation.source * len(self.ids) + relation.target, excluded)
            kept[name] = ArrayRelation(relation.source[keep], relation.target[keep], relation.weight[keep])
        return ArrayGraph(self.ids, kept)


def pair_keys(pairs: Iterable[tuple[int, int]] | Pairs, documents: int) -> NDArray[np.int64]:
    """``first * documents + second`` of every pair in both orders, sorted.

    Example:
        >>> pair_keys([(0, 2)], 3).tolist()
        [2, 6]
    """
    table = np.asarray(pairs if isinstance(pairs, np.ndarray) else list(pairs), dtype=np.int64).reshape(-1, 2)
    return np.unique(np.concatenate([table[:, 0] * documents + table[:, 1], table[:, 1] * documents + table[:, 0]]))


def among(values: NDArray[np.int64], ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values are in the sorted array."""
    if not len(ordered):
        return np.zeros(len(values), dtype=np.bool_)
    places = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[places] == values, dtype=np.bool_)
