"""Checks a verifier against :class:`plait.contracts.Verifier`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest

from plait.contracts import Claim, Evidence, Support, SupportingSpan, Verdict, Verifier
from plait.testing.memory import MemoryView, memory_view
from plait.testing.samples import sample_documents

__all__ = ["VerifierConformance"]


class VerifierConformance:
    """Override :meth:`verifier`."""

    @pytest.fixture
    def verifier(self) -> Verifier:
        """The verifier to check."""
        raise NotImplementedError("override the fixture 'verifier' in your subclass")

    @pytest.fixture
    def view(self) -> MemoryView:
        """The sample documents."""
        return memory_view(sample_documents())

    @pytest.fixture
    def evidence(self, view: MemoryView) -> list[Evidence]:
        """Every passage of the sample documents, in their order."""
        passages = [view.passage(row) for row in range(len(view))]
        return [Evidence(n, p, view.title(p.document_id), 1.0 / n) for n, p in enumerate(passages, start=1)]

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
