"""Gate ``open``: every question that found anything is answered."""

from __future__ import annotations

from collections.abc import Sequence

from plait.contracts import Evidence, IndexView, Query, Relevance

__all__ = ["OpenGate"]


class OpenGate:
    """Lets every question pass whose evidence is not empty: the generator, or a plugin, may still decline."""

    def assess(self, query: Query, evidence: Sequence[Evidence], view: IndexView) -> Relevance:  # noqa: ARG002
        """Answerable, wherever a passage was found."""
        return Relevance(True) if evidence else Relevance(False, 0.0, "no passage was found")
