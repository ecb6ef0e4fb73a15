"""The verifier that checks nothing says so of every sentence."""

from __future__ import annotations

import pytest

from plait.contracts import Claim, Evidence
from plait.testing.conformance import VerifierConformance
from plait.testing.memory import MemoryView
from plait.verifiers import Unchecked


class TestUnchecked(VerifierConformance):
    @pytest.fixture
    def verifier(self) -> Unchecked:
        return Unchecked()

    def test_supports_nothing_and_names_itself(
        self, verifier: Unchecked, claims: list[Claim], evidence: list[Evidence], view: MemoryView
    ) -> None:
        judged = verifier.verify(claims, evidence, view)
        assert {(support.verdict, support.spans) for support in judged} == {("unchecked", ())}
        assert all("'none'" in support.reason for support in judged)
