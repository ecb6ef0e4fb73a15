"""Agreement with gold answers, and citations: re-opened, and held against what they cite."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from plait.contracts import Answer, Citation, Document, Section, Sentence, Span, Table, Text
from plait.evaluation.answers import quality
from plait.evaluation.answers.quality import (
    CitationQuality,
    agreement,
    check_citations,
    given_hits,
    tokens,
)
from plait.prompts import checked_sentences
from plait.testing import MemoryView, memory_view, sample_documents
from plait.text.passages import as_evidence
from plait.verifiers.words import WordsVerifier


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


TEA = Document(
    "tea",
    "Green tea",
    (
        Section(
            "Brewing",
            (
                Text("Green tea is steeped for two minutes. Black tea oxidises for several hours before it is dried."),
                Table(("tea", "caffeine"), (("green", "28 mg"), ("black", "47 mg")), caption="Caffeine in a cup"),
            ),
        ),
    ),
)
ROPE = Document("rope", "Laid rope", (Section("", (Text("A laid rope is made of three twisted strands."),)),))
WRITTEN = (
    "Green tea is steeped for two minutes. Black tea oxidises for several hours; a laid rope is made of three "
    "twisted strands.\n\ntea | caffeine\nblack | 47 mg"
)

JUDGES = [WordsVerifier()]


@pytest.fixture
def view() -> MemoryView:
    return memory_view([TEA, ROPE])


def answered(text: str, view: MemoryView) -> Answer:
    """An answer from all passages, verified as the pipeline does it."""
    hits = given_hits({"tea", "rope"}, view)
    return Answer("?", text, checked_sentences(text, as_evidence(hits, view), view, JUDGES), tuple(hits))


def citation_quality(answer: Answer, view: MemoryView, gold: Collection[str] = ()) -> CitationQuality:
    return quality.citation_quality(answer, view, JUDGES, gold)


def with_sentence(answer: Answer, place: int, **changes: object) -> Answer:
    """The answer with one sentence changed."""
    changed = list(answer.sentences)
    changed[place] = replace(changed[place], **changes)  # type: ignore[arg-type]  # fields by name
    return replace(answer, sentences=tuple(changed))


def test_citations_that_the_pipeline_made_hold_when_opened_on_their_own(view: MemoryView) -> None:
    answer = answered(WRITTEN, view)
    found = citation_quality(answer, view, {"tea"})
    assert found.sentences == found.cited == found.cited_supported == found.supported == len(answer.sentences) >= 3
    assert found.citations == len([c for sentence in answer.sentences for c in sentence.citations]) >= 4
    assert found.relevant == found.citations - 1  # the rope's
    held, tokens = found.held
    assert held >= 0.9 * tokens > 0


def test_a_citation_that_points_elsewhere_supports_nothing(view: MemoryView) -> None:
    answer = answered("Green tea is steeped for two minutes. A laid rope is made of three twisted strands.", view)
    tea, rope = answer.sentences
    found = citation_quality(with_sentence(answer, 0, citations=rope.citations), view)
    assert (found.cited, found.cited_supported, found.supported) == (2, 1, 2)
    assert found.held[0] < found.held[1]
    assert found.relevant is None
    assert tea.citations != rope.citations


def test_a_citation_that_does_not_reopen_supports_nothing(view: MemoryView) -> None:
    answer = answered("Green tea is steeped for two minutes.", view)
    (sentence,) = answer.sentences
    forged = tuple(replace(citation, quote="Green tea is steeped.") for citation in sentence.citations)
    found = citation_quality(with_sentence(answer, 0, citations=forged), view)
    assert (found.cited, found.cited_supported, found.supported) == (1, 0, 1)


def test_more_than_the_cited_span_is_not_read(view: MemoryView) -> None:
    answer = answered("Green tea is steeped for two minutes.", view)
    (sentence,) = answer.sentences
    (citation,) = sentence.citations
    text = view.document("tea").text
    black = replace(citation.span, start=citation.span.end + 1, end=citation.span.end + 20)
    beside = replace(citation, span=black, quote=text[black.start : black.end])
    assert citation_quality(with_sentence(answer, 0, citations=(beside,)), view).cited_supported == 0


def test_a_supported_sentence_without_a_citation_lowers_recall_and_an_unsupported_one_does_not(
    view: MemoryView,
) -> None:
    answer = answered("Green tea is steeped for two minutes. White tea grows on the moon.", view)
    assert [sentence.supported for sentence in answer.sentences] == [True, False]
    found = citation_quality(answer, view)
    assert (found.supported, found.supported_cited, found.cited) == (1, 1, 1)
    bare = citation_quality(with_sentence(answer, 0, citations=()), view)
    assert (bare.supported, bare.supported_cited, bare.cited) == (1, 0, 0)


def test_an_invented_citation_on_an_unsupported_sentence_lowers_precision(view: MemoryView) -> None:
    answer = answered("Green tea is steeped for two minutes. White tea grows on the moon.", view)
    found = citation_quality(with_sentence(answer, 1, citations=answer.sentences[0].citations), view)
    assert (found.cited, found.cited_supported, found.supported, found.supported_cited) == (2, 1, 1, 1)


def test_a_declined_answer_has_nothing_to_judge(view: MemoryView) -> None:
    found = citation_quality(Answer("?", "No.", declined=True), view, {"tea"})
    assert (found.sentences, found.cited, found.supported, found.citations, found.relevant) == (0, 0, 0, 0, 0)


def test_given_hits_are_the_documents_passages_in_reading_order(view: MemoryView) -> None:
    hits = given_hits({"rope", "gone"}, view)
    assert [hit.document_id for hit in hits] == ["rope"]
    assert given_hits((), view) == []
    opened = as_evidence(given_hits({"tea"}, view), view)
    assert [item.number for item in opened] == [1, 2]
    assert [item.passage.start for item in opened] == sorted(item.passage.start for item in opened)


def test_a_citation_of_a_document_that_is_gone_does_not_stop_the_judge(view: MemoryView) -> None:
    answer = answered("Green tea is steeped for two minutes.", view)
    span = replace(answer.sentences[0].citations[0].span, document_id="gone")
    lost = Citation(1, span, "gone#0", "Gone", "x", 1.0)
    sentences = (Sentence(answer.sentences[0].text, (lost,), "supported"),)
    assert citation_quality(replace(answer, sentences=sentences), view).cited_supported == 0


def test_sentences_that_no_verifier_looked_at_are_not_counted(view: MemoryView) -> None:
    answer = answered(WRITTEN, view)
    place = len(answer.sentences) - 1
    unchecked = with_sentence(answer, place, verdict="unchecked", citations=(), reason="")
    assert citation_quality(unchecked, view).sentences == place
    nothing = replace(answer, sentences=(Sentence("yes", (), "unchecked"),))
    counted = citation_quality(nothing, view)
    assert (counted.sentences, counted.cited, counted.supported, counted.held) == (0, 0, 0, (0, 0))
