"""Fusions merge the ranked lists of several retrievers into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from plait.contracts.passage import Hit
from plait.contracts.query import Query

__all__ = ["Fusion"]


@runtime_checkable
class Fusion(Protocol):
    """Merges ranked lists."""

    def fuse(self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int) -> Sequence[Hit]:
        """The k best of all runs, best first; each hit's strands say what every run gave to it.

        ``runs`` maps the retriever's label to its hits, best first, in the pipeline's order.
        """
        ...
