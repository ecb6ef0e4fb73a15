"""Checks fusions and rankers: whoever puts hits in an order, against :class:`plait.contracts.Fusion` and ``Ranker``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from plait.contracts import ColumnSource, Fusion, Hit, Query, Ranker, Retriever, WeighsRuns
from plait.testing.conformance.checks import check_best_first
from plait.testing.memory import MemoryView, memory_view
from plait.testing.samples import sample_documents

__all__ = ["FusionConformance", "RankerConformance"]

QUERY = Query("Which negatives help to train dense retrieval?")


class FusionConformance:
    """Override :meth:`fusion`; override :meth:`runs` if yours needs certain labels."""

    @pytest.fixture
    def fusion(self) -> Fusion:
        """The fusion to check."""
        raise NotImplementedError("override the fixture 'fusion' in your subclass")

    @pytest.fixture
    def runs(self) -> Mapping[str, Sequence[Hit]]:
        """Two runs that share two passages and a document, with scores of different scales."""
        return {
            "dense": _run({"a#0": 0.9, "b#0": 0.8, "c#0": 0.3}),
            "lexical": _run({"c#0": 21.5, "a#0": 12.0, "b#1": 1.5}),
        }

    def test_satisfies_the_protocol(self, fusion: Fusion) -> None:
        assert isinstance(fusion, Fusion)

    def test_returns_hits_best_first_and_each_once(self, fusion: Fusion, runs: Mapping[str, Sequence[Hit]]) -> None:
        check_best_first(fusion.fuse(QUERY, runs, 10))

    def test_returns_only_what_a_run_found(self, fusion: Fusion, runs: Mapping[str, Sequence[Hit]]) -> None:
        found = {(hit.passage_id, hit.document_id, hit.row) for run in runs.values() for hit in run}
        assert {(hit.passage_id, hit.document_id, hit.row) for hit in fusion.fuse(QUERY, runs, 10)} <= found

    @pytest.mark.parametrize("k", [1, 2, 3])
    def test_returns_at_most_k_and_the_best_ones(
        self, fusion: Fusion, runs: Mapping[str, Sequence[Hit]], k: int
    ) -> None:
        every = [hit.passage_id for hit in fusion.fuse(QUERY, runs, 10)]
        assert [hit.passage_id for hit in fusion.fuse(QUERY, runs, k)] == every[:k]

    def test_strands_say_what_every_run_gave(self, fusion: Fusion, runs: Mapping[str, Sequence[Hit]]) -> None:
        for hit in fusion.fuse(QUERY, runs, 10):
            gave = {
                (label, rank, found.score)
                for label, run in runs.items()
                for rank, found in enumerate(run, 1)
                if found.passage_id == hit.passage_id
            }
            own = [strand for strand in hit.strands if not strand.of_document]
            assert {(strand.retriever, strand.rank, strand.score) for strand in own} == gave
            for strand in hit.strands:
                if strand.of_document:  # the best of the other passages of its document that the run found
                    others = [
                        (rank, found.score)
                        for rank, found in enumerate(runs[strand.retriever], 1)
                        if found.document_id == hit.document_id
                    ]
                    assert strand.retriever not in {label for label, _, _ in gave}
                    assert (strand.rank, strand.score) == others[0]
            assert hit.score == pytest.approx(sum(strand.share for strand in hit.strands))

    def test_weighs_runs_as_it_is_told(self, fusion: Fusion, runs: Mapping[str, Sequence[Hit]]) -> None:
        """Of a :class:`plait.contracts.WeighsRuns`: at 1 nothing changes, and what counts more is followed more."""
        if not isinstance(fusion, WeighsRuns):
            pytest.skip("every run counts alike")
        alike = fusion.fuse_weighted(QUERY, runs, 10, dict.fromkeys(runs, 1.0))
        assert list(alike) == list(fusion.fuse(QUERY, runs, 10))
        for label, run in runs.items():
            followed = fusion.fuse_weighted(QUERY, runs, 10, {label: 1e6})
            assert followed[0].passage_id == run[0].passage_id

    def test_keeps_the_order_of_a_single_run(self, fusion: Fusion, runs: Mapping[str, Sequence[Hit]]) -> None:
        for label, run in runs.items():
            fused = fusion.fuse(QUERY, {label: run}, 10)
            assert [hit.passage_id for hit in fused] == [hit.passage_id for hit in run]

    def test_a_run_that_found_nothing_changes_nothing(self, fusion: Fusion, runs: Mapping[str, Sequence[Hit]]) -> None:
        label, run = next(iter(runs.items()))
        others = dict.fromkeys(runs, ())
        fused = fusion.fuse(QUERY, {**others, label: run}, 10)
        assert [hit.passage_id for hit in fused] == [hit.passage_id for hit in run]
        assert not fusion.fuse(QUERY, others, 10)

    def test_merges_the_same_runs_the_same_way(self, fusion: Fusion, runs: Mapping[str, Sequence[Hit]]) -> None:
        assert list(fusion.fuse(QUERY, runs, 10)) == list(fusion.fuse(QUERY, runs, 10))


def _run(scores: Mapping[str, float]) -> list[Hit]:
    rows = {"a#0": 0, "b#0": 1, "c#0": 2, "b#1": 3}
    return [Hit(name, name.split("#")[0], score, rows[name]) for name, score in scores.items()]


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
    def view(self, ranker: Ranker, retrievers: Sequence[Retriever]) -> MemoryView:
        """The sample documents, encoded by those retrievers, and by the ranker where it adds columns."""
        own = [ranker] if isinstance(ranker, ColumnSource) else []
        return memory_view(sample_documents(), [*retrievers, *own])

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
