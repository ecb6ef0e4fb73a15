"""Fusions merge the ranked lists of several retrievers into one; rankers reorder what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from plait.contracts.passage import Hit
from plait.contracts.query import Query
from plait.contracts.retriever import Column, ColumnValues, IndexView, IngestBatch

__all__ = ["Fusion", "RankedVectorFusion", "Ranker", "VectorFusion"]


@runtime_checkable
class Fusion(Protocol):
    """Merges ranked lists."""

    def fuse(self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int) -> Sequence[Hit]:
        """The k best of all runs, best first; each hit's strands say what every run gave to it.

        ``runs`` maps the retriever's label to its hits, best first, in the pipeline's order.
        """
        ...


@runtime_checkable
class VectorFusion(Fusion, Protocol):
    """A fusion that works on vectors before ranks: it keeps a column of its own and searches it."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns it adds to the index, made of columns of the pipeline's retrievers."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """What its columns depend on, as for a retriever."""
        ...

    def encode(self, batch: IngestBatch) -> Mapping[str, ColumnValues]:
        """Values of its columns for new passages; ``batch.columns`` holds those of all retrievers."""
        ...

    def search(
        self, query: Query, runs: Mapping[str, Sequence[Hit]], view: IndexView, k: int
    ) -> Mapping[str, Sequence[Hit]]:
        """The runs to fuse: those of the retrievers, with its own search in place of what it improves upon."""
        ...


@runtime_checkable
class RankedVectorFusion(VectorFusion, Protocol):
    """A vector fusion that merges ranks by another fusion, which its setting ``ranks`` names and calibration fits."""

    @property
    def stands_in_for(self) -> Sequence[str]:
        """Labels of the runs that count only where ``ranks`` gives them a weight above 0."""
        ...


@runtime_checkable
class Ranker(Protocol):
    """Reorders hits, usually with a slower and better judgement than retrieval could afford.

    One that keeps something of each passage in the index is a :class:`~plait.contracts.ColumnSource` as well.
    """

    def rank(self, query: Query, hits: Sequence[Hit], view: IndexView) -> Sequence[Hit]:
        """The same hits (or fewer) in a new order, with new scores, best first."""
        ...
