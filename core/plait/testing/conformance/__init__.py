"""Conformance suites: subclass one in your tests, give it your component, and it checks the whole contract.

Example, in a plugin's ``tests/test_overlap.py``::

    import pytest
    from plait.testing.conformance import RetrieverConformance
    from my_plugin.overlap import Overlap

    class TestOverlap(RetrieverConformance):
        @pytest.fixture
        def retriever(self):
            return Overlap()
"""

from plait.testing.conformance.chunker import ChunkerConformance
from plait.testing.conformance.embedder import EmbedderConformance
from plait.testing.conformance.fusion import FusionConformance
from plait.testing.conformance.gate import GateConformance
from plait.testing.conformance.generator import GeneratorConformance
from plait.testing.conformance.ranker import RankerConformance
from plait.testing.conformance.reader import ReaderConformance
from plait.testing.conformance.retriever import RetrieverConformance
from plait.testing.conformance.verifier import VerifierConformance

__all__ = [
    "ChunkerConformance",
    "EmbedderConformance",
    "FusionConformance",
    "GateConformance",
    "GeneratorConformance",
    "RankerConformance",
    "ReaderConformance",
    "RetrieverConformance",
    "VerifierConformance",
]
