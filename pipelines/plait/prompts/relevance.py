"""Can the evidence answer the question at all?

Asked once per question, before any generator runs. Two signals, each in [0, 1]:

``cosine``
    the best cosine between the question, or one sentence of it, and a passage: is anything here about this?
``coverage``
    the share of the question's words, weighted by rarity, that the best single passage holds: does one place speak
    of it, or do the words only occur here and there?

They are added with weights from a logistic regression and compared with one threshold. ``benchmarks/relevance.py``
fits both from collections with known answers. The threshold is the 5 % quantile of a few dozen answerable questions
and therefore noisy: two fits gave .40 and .48. The lower one is in use, because on queries that no fit saw it declines
4 % of the answerable ones and the other 11 %. Signals for absent words, names and word pairs were tried and left out:
they did not separate unseen queries better. A question close to the corpus that it still cannot answer is the weak
spot: about a third of those are declined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from plait.contracts import Embedder, Evidence, IndexView, Query
from plait.prompts.rarity import rarity_in
from plait.text.content import content_words
from plait.text.sentences import sentence_spans

__all__ = ["Relevance", "Signals", "assess", "signals"]

WEIGHTS = (7.63, 1.93)
"""Of cosine and coverage."""
BIAS = -4.53
THRESHOLD = 0.40
"""Below it nothing is answered."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What the decision rests on; see the module's text."""

    cosine: float
    coverage: float
    missing_word: str = ""

    @property
    def values(self) -> tuple[float, float]:
        """The two numbers, in the order of :data:`WEIGHTS`."""
        return self.cosine, self.coverage


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
    """Measures the signals. ``evidence`` holds at least one passage.

    Without an embedder the coverage stands in for the cosine.
    """
    weight = rarity_in(view)
    question = content_words(query.text)
    asked = {word.stem: weight(word.stem) for word in question}
    total = sum(asked.values())
    texts = [item.passage.embedding_text for item in evidence]
    passages = [[word.stem for word in content_words(text)] for text in texts]
    everywhere = {stem for held in passages for stem in held}
    coverage = max(sum(mass for stem, mass in asked.items() if stem in set(held)) for held in passages)
    coverage = coverage / total if total else 0.0
    absent = max((word for word in question if word.stem not in everywhere), key=lambda w: asked[w.stem], default=None)
    return Signals(
        coverage if embedder is None else _cosine(query.text, texts, embedder),
        coverage,
        absent.text if absent is not None else "",
    )


def _cosine(question: str, texts: Sequence[str], embedder: Embedder) -> float:
    sentences = [question[a:b] for a, b in sentence_spans(question)]
    asked = embedder.embed_queries([question, *sentences] if len(sentences) > 1 else [question])
    return max(0.0, float((embedder.embed_passages(texts) @ asked.T).max()))


def _score(found: Signals) -> float:
    return 1 / (1 + math.exp(-(BIAS + sum(a * b for a, b in zip(WEIGHTS, found.values, strict=True)))))
