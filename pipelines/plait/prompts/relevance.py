"""Can the evidence answer the question at all?

Asked once per question, before any generator runs. Three signals, each in [0, 1]:

``cosine``
    the best cosine between the question and a passage: is anything here about this?
``coverage``
    the share of the question's words, weighted by rarity, that the best single passage holds: does one place speak
    of it, or do the words only occur here and there?
``missing``
    the heaviest question word that no passage holds, as a share of the question: a name that occurs nowhere is strong
    evidence that the corpus cannot answer, however similar the topic.

They are added with weights from a logistic regression and compared with one threshold. ``benchmarks/relevance.py``
fits and prints both from collections with known answers; no example question took part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from plait.contracts import Embedder, Evidence, IndexView, Query
from plait.prompts.rarity import rarity_in
from plait.text.content import content_words

__all__ = ["Relevance", "Signals", "assess", "signals"]

WEIGHTS = (7.63, 1.93, -0.05)
"""Of cosine, coverage and missing."""
BIAS = -4.53
THRESHOLD = 0.40
"""Below it nothing is answered."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What the decision rests on; see the module's text."""

    cosine: float
    coverage: float
    missing: float
    missing_word: str


@dataclass(frozen=True, slots=True)
class Relevance:
    """Whether the evidence can answer, and why not.

    Args:
        score: in [0, 1]; compared with :data:`THRESHOLD`.
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
        embedder: compares question and passages; without one the words alone decide.
        view: the snapshot, which knows how rare a word is.
    """
    if not evidence:
        return Relevance(0.0, False, "no passage was found")
    found = signals(query, evidence, embedder, view)
    score = _score(found)
    if score >= THRESHOLD:
        return Relevance(score, True)
    why = f"relevance {score:.2f} is below {THRESHOLD:.2f}"
    if found.missing_word:
        why += f"; no passage contains '{found.missing_word}'"
    return Relevance(score, False, why)


def signals(query: Query, evidence: Sequence[Evidence], embedder: Embedder | None, view: IndexView) -> Signals:
    """Measures the three signals. ``evidence`` holds at least one passage.

    Without an embedder the coverage stands in for the cosine.
    """
    weight = rarity_in(view)
    asked: dict[str, tuple[float, str]] = {}
    for word in content_words(query.text):
        asked.setdefault(word.stem, (weight(word.stem), word.text))
    total = sum(mass for mass, _ in asked.values())
    passages = [{word.stem for word in content_words(item.passage.embedding_text)} for item in evidence]
    everywhere = set().union(*passages)
    coverage = max(
        (sum(mass for stem, (mass, _) in asked.items() if stem in held) / total if total else 0.0) for held in passages
    )
    absent = max(((mass, word) for stem, (mass, word) in asked.items() if stem not in everywhere), default=(0.0, ""))
    missing = absent[0] / total if total else 0.0
    if embedder is None:
        return Signals(coverage, coverage, missing, absent[1])
    vector = embedder.embed_queries([query.text])[0]
    cosines = embedder.embed_passages([item.passage.embedding_text for item in evidence]) @ vector
    return Signals(max(0.0, float(cosines.max())), coverage, missing, absent[1])


def _score(found: Signals) -> float:
    values = (found.cosine, found.coverage, found.missing)
    return 1 / (1 + math.exp(-(BIAS + sum(a * b for a, b in zip(WEIGHTS, values, strict=True)))))
