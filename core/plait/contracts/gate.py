"""Gates judge, before any generator runs, whether the evidence can answer the question at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from plait.contracts.generator import Evidence
from plait.contracts.query import Query
from plait.contracts.retriever import IndexView

__all__ = ["Gate", "Relevance"]


@dataclass(frozen=True, slots=True)
class Relevance:
    """Whether the evidence can answer, and why not.

    Args:
        answerable: the decision.
        score: in [0, 1], how near the evidence comes to the question; what it is compared with is the gate's own.
        reason: in plain words, why not; empty when answerable.
        detail: what else the trace should show (JSON values), such as the threshold and where it comes from.
    """

    answerable: bool
    score: float = 1.0
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Gate(Protocol):
    """Decides whether a question is answered or declined."""

    def assess(self, query: Query, evidence: Sequence[Evidence], view: IndexView) -> Relevance:
        """Judges the evidence.

        Args:
            query: the question.
            evidence: what retrieval found, best first; may be empty, which no gate calls answerable.
            view: the snapshot the evidence comes from.
        """
        ...
