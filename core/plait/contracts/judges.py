"""Judges: gates say whether evidence can answer, before anything is written; verifiers what supports it, after that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from plait.contracts.generator import Evidence
from plait.contracts.passage import Span
from plait.contracts.query import Query
from plait.contracts.retriever import IndexView

__all__ = [
    "Claim",
    "Gate",
    "Relevance",
    "Support",
    "SupportingSpan",
    "TrainableGate",
    "Verdict",
    "Verifier",
]

Verdict = Literal["supported", "unsupported", "unchecked"]
"""``unchecked`` is what nobody looked at: neither true nor false, and never shown as supported."""


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


@runtime_checkable
class TrainableGate(Gate, Protocol):
    """A gate that can be calibrated on an index without labels, by ``plait train gate``."""

    @property
    def model(self) -> str:
        """Name under which the index keeps what it learnt; :meth:`IndexView.model` gives the folder back."""
        ...

    def learn(self, cases: Sequence[tuple[Query, Sequence[Evidence]]], folder: Path) -> Mapping[str, Any]:
        """Learns from sentences of the index, each with what else the index finds for it.

        Args:
            cases: sentences in place of questions, and evidence without the passage that each stands in.
            folder: empty; what is to be kept is written here. Left empty, nothing is kept.

        Returns:
            What was measured, and as ``reason`` why nothing is kept (JSON values).
        """
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer, without its citation marks.

    ``named`` holds the numbers of the passages that the model itself named behind it: a hint, never a proof.
    """

    text: str
    named: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SupportingSpan:
    """Characters of a stored document that support a claim, and the passage of the evidence they lie in."""

    span: Span
    passage_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Support:
    """What a verifier says of one claim.

    Args:
        verdict: the decision; a supported claim has at least one span, any other none.
        spans: what supports it, best first. Who shows them re-opens each from the stored document.
        reason: in plain words, why it is not supported.
        score: in [0, 1], how close the evidence comes.
    """

    verdict: Verdict
    spans: tuple[SupportingSpan, ...] = ()
    reason: str = ""
    score: float = 0.0


@runtime_checkable
class Verifier(Protocol):
    """Compares claims with evidence."""

    def verify(self, claims: Sequence[Claim], evidence: Sequence[Evidence], view: IndexView) -> Sequence[Support]:
        """One judgement per claim, in order.

        Args:
            claims: the sentences of one answer.
            evidence: the passages that were in its prompt; nothing else may support it.
            view: the snapshot they come from, which re-opens their documents.
        """
        ...
