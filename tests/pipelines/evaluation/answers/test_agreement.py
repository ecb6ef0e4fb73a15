"""Agreement with gold answers, citations re-opened, refusals counted."""

from __future__ import annotations

import pytest

from plait.contracts import Answer, Citation, Sentence, Span
from plait.evaluation.answers.agreement import agreement, check_citations, refusals, tokens
from plait.testing import memory_view, sample_documents


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The nDCG@10 was 75.3.", ["ndcg", "10", "was", "75.3"]),
        ("1,200,000 pages", ["1200000", "pages"]),
        ("between .645 and 0.712", ["between", "0.645", "and", "0.712"]),
        ("-0.5, \u2212.5 and 0.5", ["-0.5", "-0.5", "and", "0.5"]),
        ("2020-2024, top-20", ["2020", "2024", "top", "20"]),
        ("32k tokens, E5-Mistral", ["32k", "tokens", "e5", "mistral"]),
        ("GRÖSSE: Größe", ["grösse", "grösse"]),
        ("an A, the THE", []),
        ("1, 2, 3", ["1", "2", "3"]),
    ],
)
def test_words_and_numbers_are_told_from_punctuation(text: str, wanted: list[str]) -> None:
    assert tokens(text) == wanted


def test_numbers_that_differ_in_the_decimal_point_do_not_agree() -> None:
    assert agreement("75.3", "7.53").f1 == 0.0
    assert agreement("0.5", "-0.5").f1 == 0.0


def test_agreement_worked_out_by_hand() -> None:
    # 2 of 4 tokens given are right, 2 of 3 wanted are there: P = 1/2, R = 2/3, F1 = 4/7.
    result = agreement("dense retrieval loses badly", "dense retrieval wins")
    assert result.precision == pytest.approx(1 / 2)
    assert result.recall == pytest.approx(2 / 3)
    assert result.f1 == pytest.approx(4 / 7)
    assert not result.exact
    assert not result.contains


def test_a_repeated_word_counts_as_often_as_the_gold_answer_has_it() -> None:
    assert agreement("no no no no", "no").precision == pytest.approx(1 / 4)


def test_an_answer_is_exact_up_to_case_articles_and_punctuation() -> None:
    result = agreement("The Gated Sum!", "gated sum")
    assert result.exact
    assert result.f1 == 1.0


def test_the_gold_answer_must_stand_in_a_row_to_be_contained() -> None:
    assert agreement("It rises from 48.2 to 51.4 there", "from 48.2 to 51.4").contains
    assert not agreement("From 51.4 to 48.2", "from 48.2 to 51.4").contains
    assert not agreement("48", "48 2").contains


def test_an_empty_answer_agrees_with_nothing_but_an_empty_one() -> None:
    assert agreement("", "gold").f1 == 0.0
    assert not agreement("", "gold").contains
    assert not agreement("gold", "...").contains
    assert agreement("", "...").exact


def cited(*citations: Citation) -> Answer:
    """An answer with one sentence for each citation."""
    return Answer("?", "!", tuple(Sentence("!", (citation,), "supported") for citation in citations))


def test_every_citation_is_reopened_and_faults_are_named() -> None:
    view = memory_view(sample_documents())
    passage = view.passage(3)
    good = Citation(1, passage.span, passage.id, "t", passage.text, 1.0)
    changed = Citation(1, passage.span, passage.id, "t", passage.text + "!", 1.0)
    gone = Citation(2, Span("nowhere", 0, 3), "nowhere#0", "t", "abc", 1.0)
    beyond = Citation(3, Span(passage.document_id, 0, 10**9), passage.id, "t", "abc", 1.0)
    blank = Citation(4, Span(passage.document_id, 5, 5), passage.id, "t", "", 1.0)
    check = check_citations(cited(good, changed, gone, beyond, blank), view)
    assert (check.total, check.reopened) == (5, 1)
    assert check.rate == pytest.approx(1 / 5)
    assert [citation for citation, _ in check.broken] == [changed, gone, beyond, blank]
    reasons = [why for _, why in check.broken]
    assert "read" in reasons[0]
    assert "no document 'nowhere'" in reasons[1]
    assert "outside" in reasons[2]
    assert "outside" in reasons[3]


def test_a_second_citation_of_the_same_span_with_another_quote_is_not_overlooked() -> None:
    view = memory_view(sample_documents())
    passage = view.passage(0)
    good = Citation(1, passage.span, passage.id, "t", passage.text, 1.0)
    forged = Citation(1, passage.span, passage.id, "t", "something else", 1.0)
    assert len(cited(good, forged).citations) == 1  # Answer.citations keeps each span once
    assert check_citations(cited(good, forged), view).reopened == 1


def test_an_answer_without_citations_has_no_rate() -> None:
    assert check_citations(Answer("?", "nothing"), memory_view(sample_documents())).rate is None


def test_refusals_are_counted_apart_for_what_can_and_cannot_be_answered() -> None:
    counts = refusals([(True, False)] * 5 + [(True, True)] + [(False, True)] * 3 + [(False, False)])
    assert (counts.answerable, counts.answerable_declined) == (6, 1)
    assert (counts.unanswerable, counts.unanswerable_declined) == (4, 3)
    assert counts.accuracy == pytest.approx(8 / 10)
    assert refusals([]).accuracy is None
