"""Checks a gate against :class:`plait.contracts.Gate`."""

from __future__ import annotations

import json

import pytest

from plait.contracts import Evidence, Gate, Query, Relevance
from plait.testing.memory import MemoryView, memory_view
from plait.testing.samples import sample_documents

__all__ = ["GateConformance"]


class GateConformance:
    """Override :meth:`gate`; override :meth:`question` with one that the sample documents answer, if yours needs it."""

    @pytest.fixture
    def gate(self) -> Gate:
        """The gate to check."""
        raise NotImplementedError("override the fixture 'gate' in your subclass")

    @pytest.fixture
    def question(self) -> Query:
        """A question that the sample documents answer."""
        return Query("How does BM25 weigh the terms of a passage?")

    @pytest.fixture
    def view(self) -> MemoryView:
        """The sample documents."""
        return memory_view(sample_documents())

    @pytest.fixture
    def evidence(self, view: MemoryView) -> list[Evidence]:
        """Every passage of the sample documents, in their order."""
        passages = [view.passage(row) for row in range(len(view))]
        return [Evidence(n, p, view.title(p.document_id), 1.0 / n) for n, p in enumerate(passages, start=1)]

    def test_satisfies_the_protocol(self, gate: Gate) -> None:
        assert isinstance(gate, Gate)

    def test_says_why_it_declines_and_nothing_where_it_does_not(
        self, gate: Gate, question: Query, evidence: list[Evidence], view: MemoryView
    ) -> None:
        for query in (question, Query("Who won the football world cup in 1974?")):
            found = gate.assess(query, evidence, view)
            assert isinstance(found, Relevance)
            assert found.answerable == (not found.reason)
            assert 0.0 <= found.score <= 1.0

    def test_answers_what_the_documents_answer(
        self, gate: Gate, question: Query, evidence: list[Evidence], view: MemoryView
    ) -> None:
        assert gate.assess(question, evidence, view).answerable

    def test_calls_nothing_answerable_without_evidence(self, gate: Gate, question: Query, view: MemoryView) -> None:
        found = gate.assess(question, [], view)
        assert not found.answerable
        assert found.reason

    def test_judges_the_same_twice_and_leaves_the_evidence_untouched(
        self, gate: Gate, question: Query, evidence: list[Evidence], view: MemoryView
    ) -> None:
        before = list(evidence)
        assert gate.assess(question, evidence, view) == gate.assess(question, evidence, view)
        assert evidence == before

    def test_shows_the_trace_only_json(
        self, gate: Gate, question: Query, evidence: list[Evidence], view: MemoryView
    ) -> None:
        json.dumps(dict(gate.assess(question, evidence, view).detail), allow_nan=False)
