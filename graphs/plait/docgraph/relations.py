r"""Relations between documents, and how those that nobody states are derived from those that somebody does.

With the citation matrix :math:`A` (row cites column, 0 or 1) and the incidence matrix :math:`M` of documents and
groups (an author's papers, a venue's):

- co-citation :math:`A^\top A` (Small, "Co-citation in the scientific literature", 1973): shared citers;
- bibliographic coupling :math:`A A^\top` (Kessler, "Bibliographic coupling between scientific papers", 1963): shared
  references;
- co-author, co-venue, co-topic, co-institution :math:`M M^\top`: shared groups;

each without its diagonal. All are of the form :math:`G G^\top`, one column of :math:`G` for each group, and weights are
the exact integer counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings, require

__all__ = [
    "DERIVED_FROM_ENTITIES",
    "ENTITY_KINDS",
    "EntityKind",
    "GraphSettings",
    "Relation",
    "RelationName",
    "incidence",
    "readable",
    "relation_of",
    "same_pairs",
    "shared",
    "sparse",
]

RelationName = Literal[
    "cites",
    "cited_by",
    "co_citation",
    "bibliographic_coupling",
    "co_author",
    "co_venue",
    "co_topic",
    "co_institution",
    "same_as",
]
EntityKind = Literal["author", "venue", "topic", "institution"]

ENTITY_KINDS: tuple[EntityKind, ...] = get_args(EntityKind)
DERIVED_FROM_ENTITIES: Mapping[str, EntityKind] = {
    "co_author": "author",
    "co_venue": "venue",
    "co_topic": "topic",
    "co_institution": "institution",
}

_EXTRA = "plait[graph]"
_ROWS = 8_192  # documents whose row of a product is worked out at once: bounds memory, see shared()


class GraphSettings(Settings):
    """How facts about documents become relations between them.

    Example:
        >>> GraphSettings(relations=("cites", "co_author"), min_weight={"co_author": 2}).group_cap
        200
    """

    relations: tuple[RelationName, ...] = get_args(RelationName)
    """Relations the graph holds, each also when it is empty."""
    entity_nodes: tuple[EntityKind, ...] = ()
    """Kinds of entities that become nodes of their own in exports and tensors."""
    min_weight: Mapping[RelationName, int] = Field(default_factory=dict)
    """Pairs that share less than this are left out of a relation, such as ``{"co_citation": 2}``."""
    group_cap: int | None = Field(default=200, ge=2)
    """An author, venue, topic or institution of more documents ties none of them together: what nearly everyone
    shares says nothing, and its pairs grow with the square. It stays an entity. None lifts the cap."""
    citation_cap: int | None = Field(default=2_000, ge=2)
    """The same for the documents that cite one document (coupling) and that one document cites (co-citation)."""
    max_edges_per_relation: int = Field(default=20_000_000, ge=1)
    """Most pairs that are worked out for a derived relation. Where its groups could exceed that, the largest are left
    out before anything is multiplied, so that memory stays bounded; the report names them."""
    strongest: int | None = Field(default=None, ge=1)
    """Of each derived relation keep a pair only if it is among so many strongest of either document. Bounds what an
    encoder has to pass on, without giving up any document's best ties. None keeps all."""
    min_confidence: float = Field(default=0.5, ge=0.0, le=1.0)
    """Citations resolved with less confidence are left out."""
    time_respecting: bool = False
    """Leave out citations of later documents, before anything is derived from them. A citation is of a later
    document when both dates are known and the cited one is greater: by month where both months are known, else by
    year. Equal dates and unknown dates stay."""
    orientation: Literal["given", "date"] = "given"
    """``date`` turns every citation between documents of different dates so that the newer cites the older; for
    collections that record links without direction."""
    merge_duplicates: Literal["identifier", "title", "never"] = "identifier"
    """Documents that are the same paper count once: citations and entities of all of them are credited to the one
    whose id sorts first, the others keep only ``same_as``. ``identifier`` takes those for the same that share one;
    ``title`` also those of one title, year and set of authors, which may be a paper and its erratum. Either way both
    sorts are tied by ``same_as``."""
    topics_from: tuple[str, ...] = ("topics",)
    """Metadata keys that hold topics."""
    institutions_from: tuple[str, ...] = ("institutions",)
    """Metadata keys that hold institutions."""


@dataclass(frozen=True)
class Relation:
    """Directed pairs of documents with weights, sorted by source, then target; no pair twice, none with itself.

    An undirected relation holds each pair in both directions.

    Args:
        name: such as ``cites``.
        source: node numbers, int64, shape (edges,).
        target: node numbers, int64, shape (edges,).
        weight: counts, float32, shape (edges,).
        directed: whether (a, b) says something else than (b, a).
    """

    name: str
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float32]
    directed: bool

    def __len__(self) -> int:
        """Number of directed pairs."""
        return len(self.source)

    @property
    def pairs(self) -> int:
        """Number of edges as a reader counts them: an undirected pair once."""
        return len(self) if self.directed else len(self) // 2

    def matrix(self, nodes: int) -> Any:
        """The weights as a ``scipy.sparse.csr_array`` of shape (nodes, nodes): row points to column."""
        return sparse().csr_array((self.weight, (self.source, self.target)), shape=(nodes, nodes))

    def of(self, node: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Targets and weights of the edges that leave ``node``; by bisection, whatever the relation's size."""
        start, end = np.searchsorted(self.source, (node, node + 1))
        return self.target[start:end], self.weight[start:end]


def sparse() -> Any:
    """``scipy.sparse``, imported when a graph is first built.

    Raises:
        MissingDependencyError: scipy is not installed.
    """
    return require("scipy.sparse", _EXTRA, needed_by="document graph")


def incidence(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> Any:
    """A ``csr_array`` of int32 ones at (row, column), however often a pair is given; indices sorted."""
    made = sparse().csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)
    made.sum_duplicates()
    made.data[:] = 1
    return made


def relation_of(name: str, matrix: Any, *, directed: bool) -> Relation:
    """The entries of a sparse matrix as a relation, in order."""
    made = matrix.tocsr()
    made.sort_indices()
    found = made.tocoo()
    source, target = found.row.astype(np.int64), found.col.astype(np.int64)
    weight = found.data.astype(np.float32)
    for part in (source, target, weight):
        part.setflags(write=False)
    return Relation(name, source, target, weight, directed)


def shared(
    groups: Any, *, cap: int | None, budget: int, min_weight: int = 1, strongest: int | None = None
) -> tuple[Any, dict[int, int]]:
    r"""How many groups each two documents share: :math:`G G^\top` without its diagonal.

    Memory is bounded before anything is multiplied: a group of n members makes at most n (n - 1) / 2 pairs, and groups
    with the same members make the same ones. The largest groups are left out until what is left cannot exceed the
    budget. The product is taken in blocks of rows, each thinned at once.

    Args:
        groups: csr matrix of ones, shape (documents, groups).
        cap: larger groups are left out; None for no cap.
        budget: most unordered pairs to work out.
        min_weight: pairs that share less are left out.
        strongest: keep a pair only if it is among so many strongest of either document, ties by number; None for all.

    Returns:
        A csr matrix of int32 counts, shape (documents, documents), and the groups that were left out with how many
        documents each has, largest first.
    """
    documents = groups.shape[0]
    kept, dropped = _within_bounds(groups, cap, budget)
    blocks = []
    other = kept.T.tocsr()
    busy = np.flatnonzero(np.diff(kept.indptr))
    blank = sparse().csr_array((documents, documents), dtype=np.int32)
    if not len(busy):
        return blank, dropped
    for start in range(0, documents, _ROWS):
        block = (kept[start : start + _ROWS] @ other).tocoo()
        row, column = block.row + start, block.col
        wanted = (row != column) & (block.data >= min_weight)
        part = (row[wanted], column[wanted], block.data[wanted])
        blocks.append(part if strongest is None else _strongest(*part, most=strongest))
    row, column, data = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    made = sparse().csr_array((data.astype(np.int32, copy=False), (row, column)), shape=(documents, documents))
    if strongest is not None:
        made = made.maximum(made.T).tocsr()
    made.sort_indices()
    return made, dropped


def _strongest(row: Any, column: Any, data: Any, *, most: int) -> tuple[Any, Any, Any]:
    order = np.lexsort((column, -data, row))
    row, column, data = row[order], column[order], data[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)  # place within its row
    kept = rank < most
    return row[kept], column[kept], data[kept]


def _within_bounds(groups: Any, cap: int | None, budget: int) -> tuple[Any, dict[int, int]]:
    columns = groups.tocsc()
    sizes = np.diff(columns.indptr).astype(np.int64)
    keep = (sizes >= 2) if cap is None else (sizes >= 2) & (sizes <= cap)
    candidates = np.flatnonzero(keep)
    if len(candidates):
        # One number for each set of members: groups alike add weight to the same pairs, not pairs.
        codes = np.random.default_rng(0).integers(0, 2**63, size=groups.shape[0], dtype=np.uint64)
        sums = np.concatenate(([np.uint64(0)], np.cumsum(codes[columns.indices], dtype=np.uint64)))
        signature = sums[columns.indptr[1:]] - sums[columns.indptr[:-1]]
        _, first, alike = np.unique(signature[candidates], return_index=True, return_inverse=True)
        pairs = sizes[candidates][first] * (sizes[candidates][first] - 1) // 2
        order = np.argsort(pairs, kind="stable")
        fits = np.zeros(len(pairs), dtype=bool)
        fits[order] = np.cumsum(pairs[order]) <= budget
        # All groups of one size share one fate, so that the outcome does not depend on their order.
        if not fits.all():
            fits &= pairs < pairs[~fits].min()
        keep[candidates] = fits[alike]
    out = np.flatnonzero(~keep & (sizes >= 2))
    out = out[np.lexsort((out, -sizes[out]))]
    chosen = columns[:, np.flatnonzero(keep)]
    return chosen.tocsr(), dict(zip(out.tolist(), sizes[out].tolist(), strict=True))


def same_pairs(a: Sequence[int] | NDArray[np.int64], b: Sequence[int] | NDArray[np.int64], nodes: int) -> Any:
    """A symmetric csr matrix of ones at the given pairs and their reverses, without the diagonal."""
    left, right = np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64)
    apart = left != right
    left, right = left[apart], right[apart]
    return incidence(np.concatenate((left, right)), np.concatenate((right, left)), (nodes, nodes))


def readable(relation: str) -> str:
    """A relation's name for readers.

    Example:
        >>> readable("co_citation"), readable("bibliographic_coupling")
        ('co-citation', 'bibliographic coupling')
    """
    return (f"co-{relation[3:]}" if relation.startswith("co_") else relation).replace("_", " ")
