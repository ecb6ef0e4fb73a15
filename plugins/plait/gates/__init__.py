"""The gates that come with Plait: whether a question can be answered from what was found."""

from __future__ import annotations

from collections.abc import Sequence

from plait.contracts import Evidence, IndexView, Query, Relevance
from plait.hooks import Component, hookimpl

__all__ = [
    "OpenGate",
    "plait_components",
]


class OpenGate:
    """The gate ``open``: lets every question pass that found something; generator or plugin may still decline."""

    def assess(self, query: Query, evidence: Sequence[Evidence], view: IndexView) -> Relevance:  # noqa: ARG002
        """Answerable, wherever a passage was found."""
        return Relevance(True) if evidence else Relevance(False, 0.0, "no passage was found")


@hookimpl
def plait_components() -> list[Component]:
    """Declares ``similarity``, the default, and ``open``."""
    return [
        Component(
            "gate",
            "similarity",
            factory="plait.gates.similarity:SimilarityGate",
            config="plait.gates.similarity:Config",
            summary="declines where no sentence is near the question, or what it names is unknown",
            parts={"embedder": "embedder"},
        ),
        Component("gate", "open", factory="plait.gates:OpenGate", summary="answers whatever found a passage"),
    ]
