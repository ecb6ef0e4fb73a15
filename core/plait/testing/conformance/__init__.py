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

from plait.testing.conformance.generator import GeneratorConformance
from plait.testing.conformance.judges import GateConformance, VerifierConformance
from plait.testing.conformance.ranking import FusionConformance, RankerConformance
from plait.testing.conformance.reading import ChunkerConformance, EmbedderConformance, ReaderConformance
from plait.testing.conformance.retriever import RetrieverConformance

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
