"""Rankers reorder what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from plait.contracts.passage import Hit
from plait.contracts.query import Query
from plait.contracts.retriever import IndexView

__all__ = ["Ranker"]


@runtime_checkable
class Ranker(Protocol):
    """Reorders hits, usually with a slower and better judgement than retrieval could afford."""

    def rank(self, query: Query, hits: Sequence[Hit], view: IndexView) -> Sequence[Hit]:
        """The same hits (or fewer) in a new order, with new scores, best first."""
        ...
