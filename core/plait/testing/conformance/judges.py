"""Checks gates and verifiers against :class:`plait.contracts.Gate` and :class:`plait.contracts.Verifier`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import get_args

import numpy as np
import pytest

from plait.contracts import Claim, Evidence, Gate, Query, Relevance, Support, SupportingSpan, Verdict, Verifier
from plait.testing.memory import MemoryView, memory_view
from plait.testing.samples import sample_documents
from plait.text.passages import as_evidence

__all__ = ["GateConformance", "VerifierConformance"]


class _WithEvidence:
    """What every judge is shown."""

    @pytest.fixture
    def view(self) -> MemoryView:
        """The sample documents."""
        return memory_view(sample_documents())

    @pytest.fixture
    def evidence(self, view: MemoryView) -> list[Evidence]:
        """Every passage of the sample documents, in their order."""
        rows = np.arange(len(view))
        return as_evidence(view.hits(rows, 1.0 / (1 + rows)), view)


class GateConformance(_WithEvidence):
    """Override :meth:`gate`; override :meth:`question` with one that the sample documents answer, if yours needs it."""

    @pytest.fixture
    def gate(self) -> Gate:
        """The gate to check."""
        raise NotImplementedError("override the fixture 'gate' in your subclass")

    @pytest.fixture
    def question(self) -> Query:
        """A question that the sample documents answer."""
        return Query("How does BM25 weigh the terms of a passage?")

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


class VerifierConformance(_WithEvidence):
    """Override :meth:`verifier`."""

    @pytest.fixture
    def verifier(self) -> Verifier:
        """The verifier to check."""
        raise NotImplementedError("override the fixture 'verifier' in your subclass")

    @pytest.fixture
    def claims(self, evidence: list[Evidence]) -> list[Claim]:
        """What a passage says, what none says, a sentence with a mark, one of function words, one of odd characters."""
        said = evidence[0].passage.text
        named = frozenset({1, 2})
        texts = ["The moon is made of 36 cheeses.", "It is so.", "∑ 🧵 naïve „late“"]
        return [Claim(said), Claim(said, named), *(Claim(text) for text in texts)]

    def test_satisfies_the_protocol(self, verifier: Verifier) -> None:
        assert isinstance(verifier, Verifier)

    def test_judges_every_claim_in_order(
        self, verifier: Verifier, claims: list[Claim], evidence: list[Evidence], view: MemoryView
    ) -> None:
        judged = verifier.verify(claims, evidence, view)
        assert len(judged) == len(claims)
        alone = [verifier.verify([claim], evidence, view)[0] for claim in claims]
        assert [support.verdict for support in judged] == [support.verdict for support in alone]

    def test_shows_spans_where_it_finds_support_and_reasons_where_not(
        self, verifier: Verifier, claims: list[Claim], evidence: list[Evidence], view: MemoryView
    ) -> None:
        for support in verifier.verify(claims, evidence, view):
            assert support.verdict in get_args(Verdict)
            assert bool(support.spans) == (support.verdict == "supported")
            assert bool(support.reason) == (support.verdict != "supported")
            assert 0.0 <= support.score <= 1.0

    def test_cites_only_characters_of_the_evidence(
        self, verifier: Verifier, claims: list[Claim], evidence: list[Evidence], view: MemoryView
    ) -> None:
        passages = {item.passage.id: item.passage for item in evidence}
        for found in _spans(verifier.verify(claims, evidence, view)):
            passage = passages[found.passage_id]
            assert found.span.document_id == passage.document_id
            assert 0 <= found.span.start < found.span.end <= len(view.document(passage.document_id).text)

    def test_supports_nothing_without_evidence(self, verifier: Verifier, claims: list[Claim], view: MemoryView) -> None:
        assert not any(support.verdict == "supported" for support in verifier.verify(claims, [], view))

    def test_judges_no_claims_as_none(self, verifier: Verifier, evidence: list[Evidence], view: MemoryView) -> None:
        assert list(verifier.verify([], evidence, view)) == []

    def test_judges_the_same_twice_and_leaves_the_evidence_untouched(
        self, verifier: Verifier, claims: list[Claim], evidence: list[Evidence], view: MemoryView
    ) -> None:
        before = list(evidence)
        assert list(verifier.verify(claims, evidence, view)) == list(verifier.verify(claims, evidence, view))
        assert evidence == before


def _spans(judged: Sequence[Support]) -> list[SupportingSpan]:
    return [found for support in judged for found in support.spans]
