"""Can the evidence answer the question at all?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plait.contracts import Embedder, Evidence, IndexView, Query
from plait.prompts.rarity import rarity_in
from plait.text.content import content_words

__all__ = ["Relevance", "assess"]

MIN_SCORE = 0.45
"""Chosen by benchmarks/relevance.py."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """Whether the evidence can answer, from what, and why not.

    Args:
        score: in [0, 1]; compared with :data:`MIN_SCORE`.
        answerable: the decision.
        reason: why not; empty when answerable.
    """

    score: float
    answerable: bool
    reason: str = ""


def assess(query: Query, evidence: Sequence[Evidence], embedder: Embedder | None, view: IndexView) -> Relevance:
    """Judges the evidence before any generator sees it.

    Args:
        query: the question.
        evidence: what retrieval found, best first.
        embedder: compares question and passages; without one the decision rests on words alone.
        view: the snapshot, which knows how rare a word is.
    """
    if not evidence:
        return Relevance(0.0, False, "no passage was found")
    weight = rarity_in(view)
    asked = {word.stem: weight(word.stem) for word in content_words(query.text)}
    held = {word.stem for item in evidence for word in content_words(item.passage.embedding_text)}
    total = sum(asked.values())
    coverage = sum(mass for stem, mass in asked.items() if stem in held) / total if total else 0.0
    score = coverage
    if embedder is not None:
        vector = embedder.embed_queries([query.text])[0]
        cosines = embedder.embed_passages([item.passage.embedding_text for item in evidence]) @ vector
        score = 0.5 * coverage + 0.5 * float(max(cosines))
    if score >= MIN_SCORE:
        return Relevance(score, True)
    return Relevance(score, False, f"relevance {score:.2f} is below {MIN_SCORE}")
