"""Verifiers say which spans of the evidence support a sentence of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from plait.contracts.generator import Evidence
from plait.contracts.passage import Span
from plait.contracts.retriever import IndexView

__all__ = ["Claim", "Support", "SupportingSpan", "Verdict", "Verifier"]

Verdict = Literal["supported", "unsupported", "unchecked"]
"""``unchecked`` is what nobody looked at: neither true nor false, and never shown as supported."""


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
