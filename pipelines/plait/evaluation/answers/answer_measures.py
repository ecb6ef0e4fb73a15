"""What is measured of answers: for each measure, what one question adds to its numerator and its denominator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plait.evaluation.answers.asking import Asked
from plait.evaluation.answers.citation_quality import CitationQuality
from plait.evaluation.answers.decisions import majority
from plait.evaluation.statistics.pooled import Pooled, macro_f1, ratio

__all__ = ["ANSWER_MEASURES", "MACRO_F1", "AnswerMeasure", "majority_baseline", "pooled"]

Share = tuple[float, float]
_NONE: Share = (0.0, 0.0)
MACRO_F1 = "decision macro-F1"
ACCURACY = "decision accuracy"


@dataclass(frozen=True, slots=True)
class AnswerMeasure:
    """A share: the sum of the first numbers over the sum of the second. (0, 0) where a question has nothing to measure.

    Args:
        name: how it is called in reports.
        unit: what the second number counts.
        about: what it says, in one sentence.
        counts: what a question adds.
    """

    name: str
    unit: str
    about: str
    counts: Callable[[Asked], Share]


def _gold(value: Callable[[Asked], float]) -> Callable[[Asked], Share]:
    return lambda one: (value(one), 1.0) if one.agreement is not None else _NONE


def _quality(value: Callable[[CitationQuality], Share]) -> Callable[[Asked], Share]:
    return lambda one: value(one.quality)


def _refusal(answerable: bool | None) -> Callable[[Asked], Share]:
    """Rightly answered or declined, of the questions that are ``answerable``; of both sorts with None."""

    def counts(one: Asked) -> Share:
        known = one.question.answerable
        if known is None or answerable not in (None, known):
            return _NONE
        return float(known != one.answer.declined), 1.0

    return counts


def _decided(one: Asked) -> Share:
    if one.decision is None:
        return _NONE
    return float(one.decision.value == one.question.decision), 1.0


def _relevant(one: Asked) -> Share:
    relevant = one.quality.relevant
    return _NONE if relevant is None else (float(relevant), float(one.quality.citations))


ANSWER_MEASURES: tuple[AnswerMeasure, ...] = (
    AnswerMeasure(
        "recall of documents",
        "questions",
        "share of the gold documents among the first found",
        lambda one: _NONE if one.recall is None else (one.recall, 1.0),
    ),
    AnswerMeasure(
        "exact match",
        "questions",
        "the answer is a gold answer but for case, articles and punctuation",
        _gold(lambda one: float(one.agreement is not None and one.agreement.exact)),
    ),
    AnswerMeasure(
        "token F1",
        "questions",
        "overlap of the answer's tokens with the gold answer's; a declined answer counts 0",
        _gold(lambda one: one.agreement.f1 if one.agreement else 0.0),
    ),
    AnswerMeasure(
        "gold tokens",
        "questions",
        "share of the gold answer's tokens that stand in the answer",
        _gold(lambda one: one.agreement.recall if one.agreement else 0.0),
    ),
    AnswerMeasure(
        "contains gold",
        "questions",
        "the whole gold answer stands in the answer, word by word",
        _gold(lambda one: float(one.agreement is not None and one.agreement.contains)),
    ),
    AnswerMeasure(ACCURACY, "questions", "yes, no or maybe as the gold has it; no decision is wrong", _decided),
    AnswerMeasure(
        "citation precision",
        "cited sentences",
        "the cited spans, opened again, support the sentence, as Plait's own verifier judges",
        _quality(lambda found: (found.cited_supported, found.cited)),
    ),
    AnswerMeasure(
        "citation recall",
        "supported sentences",
        "sentences that anything found supports have a citation; same judge",
        _quality(lambda found: (found.supported_cited, found.supported)),
    ),
    AnswerMeasure(
        "supported sentences",
        "sentences",
        "sentences that anything found supports; same judge",
        _quality(lambda found: (found.supported, found.sentences)),
    ),
    AnswerMeasure(
        "tokens held",
        "tokens of cited sentences",
        "tokens that stand in the spans their sentence cites, whatever any judge says",
        _quality(lambda found: found.held),
    ),
    AnswerMeasure(
        "citations re-opened",
        "citations",
        "the quote is exactly what stands in the document",
        lambda one: (float(one.citations.reopened), float(one.citations.total)),
    ),
    AnswerMeasure("citations of gold documents", "citations", "citations that point at a relevant document", _relevant),
    AnswerMeasure(
        "refusal accuracy", "questions", "answerable questions answered, unanswerable ones declined", _refusal(None)
    ),
    AnswerMeasure("answerable answered", "questions", "answerable questions that got an answer", _refusal(True)),
    AnswerMeasure("unanswerable declined", "questions", "unanswerable questions that got none", _refusal(False)),
)


def pooled(asked: Sequence[Asked]) -> dict[str, Pooled]:
    """Every measure over these questions, those with nothing to measure too, in order; macro-F1 behind accuracy."""
    found: dict[str, Pooled] = {}
    for measure in ANSWER_MEASURES:
        found[measure.name] = ratio([measure.counts(one) for one in asked])
        if measure.name == ACCURACY:
            found[MACRO_F1] = macro_f1(*_pairs(asked))
    return found


def majority_baseline(asked: Sequence[Asked]) -> tuple[str, dict[str, Pooled]] | None:
    """The most frequent gold decision, and what always saying it would score; None without decisions.

    It is the majority of the very questions it is measured on, which flatters it: a reader of the questions alone
    cannot know it.
    """
    _, gold = _pairs(asked)
    if not gold:
        return None
    most = majority(gold)
    right = ratio([(float(one.question.decision == most), 1.0) if one.decision else _NONE for one in asked])
    return most, {ACCURACY: right, MACRO_F1: macro_f1([most] * len(gold), gold)}


def _pairs(asked: Sequence[Asked]) -> tuple[list[str | None], list[str]]:
    """Decisions and gold decisions of the questions that have both."""
    both = [(one.decision.value, one.question.decision) for one in asked if one.decision and one.question.decision]
    return [given for given, _ in both], [gold for _, gold in both]
