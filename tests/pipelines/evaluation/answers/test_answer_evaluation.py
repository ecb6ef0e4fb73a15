"""Figures of answers made by hand, against NumPy and scipy; comparisons, tables and JSON."""

from __future__ import annotations

import json
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from plait.contracts import Answer
from plait.evaluation.answers.answer_evaluation import (
    ANSWER_MEASURES,
    AnswerEvaluation,
    AnswerScores,
    against,
    of_kind,
    pooled,
    score_answers,
)
from plait.evaluation.answers.answer_reports import answers_to_json, render_answers
from plait.evaluation.answers.asking import Asked, AskedAll, Decision
from plait.evaluation.answers.quality import CitationCheck, CitationQuality, agreement
from plait.evaluation.answers.questions import Kind, Question
from plait.evaluation.reporting import environment
from plait.evaluation.statistics.significance import paired_bootstrap, paired_randomisation

GOLD = ["yes"] * 12 + ["no"] * 6 + ["maybe"] * 2


def one(
    number: int,
    *,
    text: str = "two minutes",
    decision: str | None = "yes",
    by: str = "choices",
    cited: int = 2,
    held: int = 2,
    declined: bool = False,
    kind: Kind = "query",
    finish: str = "stop",
) -> Asked:
    """One question as it went."""
    gold = GOLD[number % len(GOLD)]
    documents = () if kind == "unanswerable" else ("a",)
    question = Question(f"q{number}", "?", documents, "two minutes", kind, gold)
    sentences = 0 if declined else cited + 1
    quality = CitationQuality(sentences, cited, held, held + 1, held, cited, min(1, cited), (3 * held, 3 * cited))
    decided = Decision(decision, by)  # type: ignore[arg-type]  # one of two
    answer = Answer("?", text, declined=declined, finish_reason=finish)  # type: ignore[arg-type]  # one of three
    return Asked(question, ("a",), answer, CitationCheck(cited), agreement(text, "two minutes"), quality, decided)


def several(seed: int, shift: float = 0.0) -> AskedAll:
    """Twenty questions that went at random."""
    generator = np.random.default_rng(seed)
    made = []
    for number in range(20):
        cited = int(generator.integers(0, 4))
        right = generator.random() < 0.4 + shift
        made.append(
            one(
                number,
                text="two minutes" if right else str(generator.choice(["two hours", "nine"])),
                decision=GOLD[number] if right else str(generator.choice(["yes", "no", "maybe"])),
                cited=cited,
                held=int(generator.integers(0, cited + 1)),
            )
        )
    return AskedAll(tuple(made), 5)


def scored(asked: AskedAll, label: str = "mine") -> AnswerScores:
    return score_answers(label, asked, resamples=500)


def test_every_measure_is_the_sum_of_its_counts_over_the_sum_of_its_units() -> None:
    asked = several(1)
    measures = scored(asked).measures
    qualities = [item.quality for item in asked.asked]
    right = np.array(
        [item.decision is not None and item.decision.value == item.question.decision for item in asked.asked]
    )
    expected = {
        "recall of documents": 1.0,
        "exact match": np.mean([item.answer.text == "two minutes" for item in asked.asked]),
        "token F1": np.mean([{"two minutes": 1.0, "two hours": 0.5, "nine": 0.0}[i.answer.text] for i in asked.asked]),
        "decision accuracy": right.mean(),
        "citation precision": sum(q.cited_supported for q in qualities) / sum(q.cited for q in qualities),
        "citation recall": sum(q.supported_cited for q in qualities) / sum(q.supported for q in qualities),
        "supported sentences": sum(q.supported for q in qualities) / sum(q.sentences for q in qualities),
        "tokens held": sum(q.held[0] for q in qualities) / sum(q.held[1] for q in qualities),
        "citations re-opened": 1.0,
        "citations of gold documents": sum(q.relevant or 0 for q in qualities) / sum(q.citations for q in qualities),
        "refusal accuracy": 1.0,
        "answerable answered": 1.0,
    }
    for name, value in expected.items():
        assert measures[name].interval.mean == pytest.approx(value), name
        assert measures[name].interval.low <= value <= measures[name].interval.high, name
    precision = measures["citation precision"]
    assert precision.count == sum(q.cited for q in qualities)
    assert precision.questions == sum(q.cited > 0 for q in qualities)
    assert "unanswerable declined" not in measures  # there is none: nothing to measure is left out, not 0


def test_refusals_are_right_where_answerable_is_answered_and_unanswerable_declined() -> None:
    asked = [one(0), one(1, declined=True), one(2, kind="unanswerable", declined=True), one(3, kind="unanswerable")]
    measures = scored(AskedAll(tuple(asked), 5)).measures
    assert measures["refusal accuracy"].interval.mean == 0.5
    assert measures["answerable answered"].interval.mean == 0.5
    assert measures["unanswerable declined"].interval.mean == 0.5


def test_decisions_stand_beside_the_majority_class_with_a_paired_test() -> None:
    asked = several(3)
    found = scored(asked)
    accuracy = found.measures["decision accuracy"]
    told = accuracy.against["always 'yes'"]
    right = [float(item.decision.value == item.question.decision) for item in asked.asked if item.decision]
    most = [float(gold == "yes") for gold in GOLD]
    assert told.difference == pytest.approx(np.mean(right) - np.mean(most))
    assert told.p_randomisation == paired_randomisation(right, most, resamples=500)
    assert told.p_bootstrap == paired_bootstrap(right, most, resamples=500)
    macro = found.measures["decision macro-F1"].against["always 'yes'"]
    always = 2 * 0.6 / 1.6 / 3
    assert macro.difference == pytest.approx(found.measures["decision macro-F1"].interval.mean - always)
    assert macro.p_randomisation is None
    assert macro.p == macro.p_bootstrap
    assert any("decision accuracy 0.6000, decision macro-F1 0.2500" in note for note in found.notes)
    assert {gold: sum(row.values()) for gold, row in found.decisions.items()} == {"yes": 12, "no": 6, "maybe": 2}


def test_decisions_that_nobody_made_are_not_measured_and_a_note_says_so() -> None:
    asked = tuple(one(number, decision=None, by="text") for number in range(4))
    found = scored(AskedAll(asked, 5, not_chosen="it cannot choose"))
    assert "decision accuracy" not in found.measures
    assert "decision macro-F1" not in found.measures
    assert "it cannot choose" in found.notes[0]
    assert "not measured" in found.notes[0]
    assert found.decisions == {"yes": {"undecided": 4}}


def test_undecided_answers_are_wrong_where_others_decide() -> None:
    asked = (one(0, decision="yes", by="text"), one(1, decision=None, by="text"))
    found = scored(AskedAll(asked, 5, not_chosen="it cannot choose"))
    assert found.measures["decision accuracy"].interval.mean == 0.5
    assert "1 of 2 begin so" in found.notes[0]


def test_two_systems_are_compared_question_by_question() -> None:
    first, second = several(5, 0.5), several(6)
    compared = against(scored(first), scored(second, "other"), resamples=500)
    f1 = compared.measures["token F1"].against["other"]
    mine, theirs = ([item.agreement.f1 for item in asked.asked if item.agreement] for asked in (first, second))
    assert f1.difference == pytest.approx(np.mean(mine) - np.mean(theirs))
    assert f1.p_randomisation == paired_randomisation(mine, theirs, resamples=500)
    precision = compared.measures["citation precision"].against["other"]
    figures = [pooled(asked.asked)["citation precision"].figure or 0.0 for asked in (first, second)]
    assert precision.difference == pytest.approx(figures[0] - figures[1])
    assert 0 < precision.p_bootstrap <= 1
    assert precision.p_randomisation is None
    assert list(compared.measures["decision accuracy"].against) == ["always 'yes'", "other"]
    same = against(scored(first), scored(first, "itself"), resamples=500)
    for name, measured in same.measures.items():
        assert measured.against["itself"].p == 1.0, name


def test_a_measure_that_only_one_system_has_is_not_compared() -> None:
    silent = AskedAll(tuple(one(number, decision=None, by="text") for number in range(20)), 5, "it cannot choose")
    compared = against(scored(several(1)), scored(silent, "silent"), resamples=500)
    assert "silent" not in compared.measures["decision accuracy"].against
    assert "silent" in compared.measures["token F1"].against


def test_systems_that_were_asked_other_questions_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same questions"):
        against(scored(several(1)), scored(AskedAll((one(0),), 5)))


def test_what_a_reader_should_know_is_noted() -> None:
    asked = AskedAll((one(0, finish="length"), one(1)), 5, refused=(("q9", "it is empty"),))
    notes = " ".join(scored(asked).notes)
    assert "1 answers ended at the most tokens" in notes
    assert "1 questions could not be asked and count as declined; q9: it is empty" in notes


def test_questions_come_apart_by_kind() -> None:
    parts = of_kind([one(0, kind="table"), one(1, kind="single"), one(2, kind="table")])
    assert {kind: len(found) for kind, found in parts.items()} == {"single": 1, "table": 2}


def test_tables_and_json_hold_every_figure() -> None:
    compared = against(scored(several(5, 0.5)), scored(several(6), "other"), resamples=500)
    about = {"name": "small [x]", "path": "small", "questions": 20, "asked": 20}
    settings = {"evidence": "given", "resamples": 500, "seed": 0}
    evaluation = AnswerEvaluation(
        about, (compared, scored(several(6), "other")), ("mind this",), settings, environment()
    )
    console = Console(width=200, record=True, file=StringIO())
    console.print(render_answers(evaluation))
    shown = console.export_text()
    for text in (
        "small [x]",
        "citation precision",
        "against other",
        "always 'yes'",
        "note: mind this",
        "own verifiers",
    ):
        assert text in shown, text
    value = json.loads(json.dumps(answers_to_json(evaluation)))
    system = value["systems"][0]
    for name, measured in compared.measures.items():
        assert system["measures"][name]["figure"] == measured.interval.mean
        assert len(system["measures"][name]["against"]) == len(measured.against)
    assert value["measures"].keys() == {measure.name for measure in ANSWER_MEASURES}
    assert len(system["answers"]) == 20
    assert system["answers"][0]["decision"] == {"value": "yes", "by": "choices"}
    assert system["by_kind"]["query"]["unanswerable declined"] is None
