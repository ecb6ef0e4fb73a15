"""The verifier's verdicts on 94 pairs of sentence and span, written to mislead it."""

import json
from pathlib import Path

import pytest

from plait.verifiers.support import judge

PAIRS = [
    json.loads(line)
    for line in (Path(__file__).parent / "support_pairs.jsonl").read_text(encoding="utf-8").splitlines()
]


def _figures(pairs):
    verdicts = [(pair["supported"], judge(pair["claim"], pair["span"], pair["context"]).supported) for pair in pairs]
    right = sum(gold and said for gold, said in verdicts)
    return right / max(1, sum(said for _, said in verdicts)), right / sum(gold for gold, _ in verdicts)


def test_the_pairs_cover_every_way_of_being_wrong():
    assert len(PAIRS) >= 80
    assert {pair["kind"] for pair in PAIRS} >= {
        "copied", "paraphrase", "partial", "number", "unit", "negation", "swap", "opposite", "hallucinated",
    }  # fmt: skip
    assert sum(pair["supported"] for pair in PAIRS) >= 25


def test_precision_and_recall_hold_on_the_half_that_no_threshold_saw(record_property):
    precision, recall = _figures([pair for pair in PAIRS if pair["half"] == "judge"])
    record_property("precision", precision)
    record_property("recall", recall)
    assert precision >= 0.95
    assert recall >= 0.80


@pytest.mark.parametrize("pair", [p for p in PAIRS if not p["supported"]], ids=lambda pair: pair["claim"])
def test_a_refusal_says_why(pair):
    verdict = judge(pair["claim"], pair["span"], pair["context"])
    assert verdict.supported == (verdict.reason == "")


@pytest.mark.parametrize(
    ("claim", "span", "reason"),
    [
        ("BM25 reaches .697.", "BM25 reaches .679.", "number .697 is not in the closest span"),
        ("It took 36 min.", "It took 36 s.", "the unit of '36 min' differs: the span has '36 s'"),
        ("ColBERT wins.", "BM25 wins.", "no span contains 'ColBERT'"),
        ("Tuning improves recall.", "Tuning does not improve recall.", "negation differs at 'improv'"),
    ],
)
def test_reasons_name_what_differs(claim, span, reason):
    assert judge(claim, span).reason == reason


def test_a_title_may_name_the_subject_but_not_make_the_statement():
    assert judge("SciFact holds 5,183 abstracts.", "It holds 5,183 abstracts.", "SciFact").supported
    assert not judge("SciFact holds abstracts.", "It is small.", "SciFact holds abstracts").supported


def test_rare_words_weigh_more_than_common_ones():
    claim, span = "The model encodes proteins well.", "The model encodes text well."
    common = judge(claim, span, weight=lambda stem: 0.05 if stem == "protein" else 1.0)
    assert common.supported
    assert not judge(claim, span, weight=lambda stem: 1.0 if stem == "protein" else 0.05).supported


def test_bracketed_source_marks_do_not_disturb_a_verbatim_sentence():
    assert judge("Aspirin inhibits COX.", "Aspirin inhibits COX [12].").score == 1.0


def test_a_sentence_without_content_is_not_supported_by_anything():
    assert "nothing that could be checked" in judge("It is so.", "It is not so at all.").reason
