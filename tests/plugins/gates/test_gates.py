"""The gate that lets every question pass which found something."""

from __future__ import annotations

import pytest

from plait.contracts import Evidence, Query
from plait.gates import OpenGate
from plait.testing.conformance import GateConformance
from plait.testing.memory import MemoryView


class TestOpen(GateConformance):
    @pytest.fixture
    def gate(self) -> OpenGate:
        return OpenGate()

    def test_passes_what_the_documents_do_not_answer(
        self, gate: OpenGate, evidence: list[Evidence], view: MemoryView
    ) -> None:
        assert gate.assess(Query("Who won the football world cup in 1974?"), evidence, view).score == 1.0
