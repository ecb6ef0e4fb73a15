"""How good a pipeline's answers are: every measure with its interval, beside the majority class or another pipeline.

A measure is a share: for each question, what it adds to a numerator and to a denominator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from plait.evaluation.answers.asking import Asked, AskedAll, majority
from plait.evaluation.answers.quality import Agreement, CitationQuality
from plait.evaluation.answers.questions import DECISIONS, KINDS, Kind
from plait.evaluation.statistics.pooled import Pooled, macro_f1, pooled_bootstrap, pooled_interval, ratio
from plait.evaluation.statistics.significance import RESAMPLES, Comparison, Interval, compare

__all__ = [
    "ANSWER_MEASURES",
    "AnswerEvaluation",
    "AnswerMeasure",
    "AnswerScores",
    "Measured",
    "against",
    "of_kind",
    "pooled",
    "score_answers",
]

Share = tuple[float, float]
_NONE: Share = (0.0, 0.0)
MACRO_F1 = "decision macro-F1"
ACCURACY = "decision accuracy"
UNDECIDED = "undecided"


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


def _gold(value: Callable[[Agreement], float]) -> Callable[[Asked], Share]:
    return lambda one: _NONE if one.agreement is None else (value(one.agreement), 1.0)


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
        _gold(lambda found: float(found.exact)),
    ),
    AnswerMeasure(
        "token F1",
        "questions",
        "overlap of the answer's tokens with the gold answer's; a declined answer counts 0",
        _gold(lambda found: found.f1),
    ),
    AnswerMeasure(
        "gold tokens",
        "questions",
        "share of the gold answer's tokens that stand in the answer",
        _gold(lambda found: found.recall),
    ),
    AnswerMeasure(
        "contains gold",
        "questions",
        "the whole gold answer stands in the answer, word by word",
        _gold(lambda found: float(found.contains)),
    ),
    AnswerMeasure(ACCURACY, "questions", "yes, no or maybe as the gold has it; no decision is wrong", _decided),
    AnswerMeasure(
        "citation precision",
        "cited sentences",
        "the cited spans, opened again, support the sentence, as the pipeline's verifiers judge",
        _quality(lambda found: (found.cited_supported, found.cited)),
    ),
    AnswerMeasure(
        "citation recall",
        "supported sentences",
        "sentences that anything found supports have a citation; same judges",
        _quality(lambda found: (found.supported_cited, found.supported)),
    ),
    AnswerMeasure(
        "supported sentences",
        "sentences",
        "sentences that anything found supports; same judges",
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


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure.

    Args:
        interval: the figure with its 95 % bootstrap interval over questions.
        questions: how many questions have something to measure.
        count: how many things were counted, such as cited sentences; questions where nothing else is said.
        unit: what they are.
        against: baseline -> comparison.
    """

    interval: Interval
    questions: int
    count: int
    unit: str = "questions"
    against: Mapping[str, Comparison] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """The answers of one pipeline and what they are worth. Measures with nothing to measure are left out.

    Args:
        label: the pipeline, by its generator or file.
        asked: the answers.
        measures: measure -> figure.
        decisions: gold decision -> decision made (or ``undecided``) -> count; empty without decisions.
        notes: what a reader of the figures should know.
        cpu_seconds: of asking and judging all questions, all threads of this process.
        wall_seconds: the same by the clock.
    """

    label: str
    asked: AskedAll
    measures: Mapping[str, Measured]
    decisions: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]
    cpu_seconds: float
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class AnswerEvaluation:
    """One pipeline's answers to a set of questions, or two pipelines'.

    Args:
        collection: name, path as given, split where there is one, and counts.
        systems: the pipeline, then the one that it was compared with, if any.
        notes: what holds for all of them.
        settings: where the evidence came from, seed, resamples, pipelines.
        environment: versions and threads.
    """

    collection: Mapping[str, Any]
    systems: tuple[AnswerScores, ...]
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)


def score_answers(
    label: str,
    asked: AskedAll,
    *,
    cpu_seconds: float = 0.0,
    wall_seconds: float = 0.0,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> AnswerScores:
    """Measures the answers; decisions are put beside the majority class.

    Args:
        label: how the pipeline is called in the report.
        asked: the answers.
        cpu_seconds: what they cost.
        wall_seconds: the same by the clock.
        resamples: of the bootstrap and the randomisation test.
        seed: of both.
    """
    how = {"resamples": resamples, "seed": seed}
    notes = list(_notes(asked))
    measures = _measured(_pools(asked.asked), how)
    baseline = majority_baseline(asked.asked)
    if baseline is not None and ACCURACY in measures:
        most, pools = baseline
        mine = _pools(asked.asked)
        for name, theirs in pools.items():
            told = _compared(mine[name], theirs, f"always '{most}'", how)
            measures[name] = replace(measures[name], against={told.baseline: told} if told else {})
        shown = ", ".join(f"{name} {theirs.figure:.4f}" for name, theirs in pools.items())
        notes.append(f"always '{most}', the majority of these very questions, would score {shown}")
    table: dict[str, Counter[str]] = {}
    for one in asked.asked:
        if one.decision is not None and one.question.decision is not None:
            table.setdefault(one.question.decision, Counter())[one.decision.value or UNDECIDED] += 1
    decisions = {gold: dict(table[gold]) for gold in DECISIONS if gold in table}
    return AnswerScores(label, asked, measures, decisions, tuple(notes), cpu_seconds, wall_seconds)


def against(first: AnswerScores, second: AnswerScores, *, resamples: int = RESAMPLES, seed: int = 0) -> AnswerScores:
    """The first with a comparison with the second in every measure that both have.

    Means over the same questions are compared by paired randomisation and paired bootstrap, figures that are counted
    over sentences or classes by paired bootstrap alone.

    Raises:
        ValueError: the two were not asked the same questions.
    """
    if [one.question.id for one in first.asked.asked] != [one.question.id for one in second.asked.asked]:
        raise ValueError("two systems can be compared only on the same questions in the same order")
    how = {"resamples": resamples, "seed": seed}
    mine, theirs = _pools(first.asked.asked), _pools(second.asked.asked)
    measures = dict(first.measures)
    for name in measures:
        if name in second.measures and (told := _compared(mine[name], theirs[name], second.label, how)):
            measures[name] = replace(measures[name], against={**measures[name].against, second.label: told})
    return replace(first, measures=measures)


def of_kind(asked: Sequence[Asked]) -> dict[Kind, list[Asked]]:
    """Questions by kind, kinds in a fixed order."""
    return {kind: found for kind in KINDS if (found := [one for one in asked if one.question.kind == kind])}


def _pools(asked: Sequence[Asked]) -> dict[str, Pooled]:
    """The measures that have something to measure. Decisions that were never made are not measured."""
    found = {name: measure for name, measure in pooled(asked).items() if measure.figure is not None}
    if not any(one.decision is not None and one.decision.value is not None for one in asked):
        found.pop(ACCURACY, None)
        found.pop(MACRO_F1, None)
    return found


def _measured(pools: Mapping[str, Pooled], how: Mapping[str, int]) -> dict[str, Measured]:
    units = {measure.name: measure.unit for measure in ANSWER_MEASURES}
    found = {}
    for name, measure in pools.items():
        interval = pooled_interval(measure, **how)
        if interval is None:
            continue
        if name == MACRO_F1:
            found[name] = Measured(interval, len(measure.counts), len(measure.counts))
        else:
            below = measure.counts[:, 1]
            found[name] = Measured(interval, int(np.count_nonzero(below)), int(below.sum()), units[name])
    return found


def _compared(first: Pooled, second: Pooled, baseline: str, how: Mapping[str, int]) -> Comparison | None:
    """The difference with its p values; None where one side has nothing to measure."""
    if first.figure is None or second.figure is None:
        return None
    difference = first.figure - second.figure
    if first.counts.shape[1] == 2 and _same_questions(first, second):
        there = first.counts[:, 1] > 0
        mine, theirs = first.counts[there, 0], second.counts[there, 0]
        return compare(baseline, list(mine), list(theirs), **how)
    p = pooled_bootstrap(first, second, **how)
    return None if p is None else Comparison(baseline, difference, None, p)


def _same_questions(first: Pooled, second: Pooled) -> bool:
    """Whether both are means over the same questions, each counted once."""
    below = first.counts[:, 1]
    return bool(np.array_equal(below, second.counts[:, 1]) and np.isin(below, (0.0, 1.0)).all())


def _notes(asked: AskedAll) -> list[str]:
    notes = []
    decided = [one.decision for one in asked.asked if one.decision is not None]
    if decided and asked.not_chosen:
        stated = sum(decision.value is not None for decision in decided)
        notes.append(
            f"the backend gave no decision of its own ({asked.not_chosen}); an answer that begins with yes, no or "
            f"maybe decides, any other is wrong: {stated} of {len(decided)} begin so"
            + ("" if stated else ", so decisions are not measured")
        )
    if asked.refused:
        first, why = asked.refused[0]
        notes.append(f"{len(asked.refused)} questions could not be asked and count as declined; {first}: {why}")
    cut = sum(one.answer.finish_reason == "length" for one in asked.asked)
    if cut:
        notes.append(f"{cut} answers ended at the most tokens that an answer may have, perhaps inside a sentence")
    return notes
