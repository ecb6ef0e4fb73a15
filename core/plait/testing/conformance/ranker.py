"""Checks a ranker against :class:`plait.contracts.Ranker`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from plait.contracts import Hit, Query, Ranker, Retriever
from plait.testing.conformance.checks import check_best_first
from plait.testing.memory import MemoryView, memory_view
from plait.testing.samples import sample_documents

__all__ = ["RankerConformance"]

QUERY = Query("Which negatives help to train dense retrieval?")


class RankerConformance:
    """Override :meth:`ranker`; override :meth:`retrievers` if yours reads their columns."""

    @pytest.fixture
    def ranker(self) -> Ranker:
        """The ranker to check."""
        raise NotImplementedError("override the fixture 'ranker' in your subclass")

    @pytest.fixture
    def retrievers(self) -> Sequence[Retriever]:
        """Retrievers whose columns the ranker reads; none by default."""
        return ()

    @pytest.fixture
    def view(self, retrievers: Sequence[Retriever]) -> MemoryView:
        """The sample documents, encoded by those retrievers."""
        return memory_view(sample_documents(), retrievers)

    @pytest.fixture
    def hits(self, view: MemoryView) -> list[Hit]:
        """Every passage, in an order that has nothing to do with the question."""
        return view.hits(np.arange(len(view)), np.linspace(1, 0.1, len(view)))

    def test_satisfies_the_protocol(self, ranker: Ranker) -> None:
        assert isinstance(ranker, Ranker)

    def test_returns_hits_best_first_and_each_once(self, ranker: Ranker, hits: list[Hit], view: MemoryView) -> None:
        ranked = ranker.rank(QUERY, hits, view)
        assert ranked, "nothing is left"
        check_best_first(ranked)

    def test_returns_only_what_it_was_given(self, ranker: Ranker, hits: list[Hit], view: MemoryView) -> None:
        given = {(hit.passage_id, hit.document_id, hit.row) for hit in hits}
        assert {(hit.passage_id, hit.document_id, hit.row) for hit in ranker.rank(QUERY, hits, view)} <= given

    def test_leaves_what_it_was_given_untouched(self, ranker: Ranker, hits: list[Hit], view: MemoryView) -> None:
        before = list(hits)
        ranker.rank(QUERY, hits, view)
        assert hits == before

    def test_ranks_nothing_as_nothing(self, ranker: Ranker, view: MemoryView) -> None:
        assert not ranker.rank(QUERY, (), view)

    def test_ranks_the_same_hits_the_same_way(self, ranker: Ranker, hits: list[Hit], view: MemoryView) -> None:
        assert list(ranker.rank(QUERY, hits, view)) == list(ranker.rank(QUERY, hits, view))
