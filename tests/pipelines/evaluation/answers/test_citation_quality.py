"""Citations judged again: held against what they point at, and against all that was found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from plait.contracts import Answer, Citation, Document, Section, Sentence, Table, Text
from plait.evaluation.answers import citation_quality as module
from plait.evaluation.answers.citation_quality import CitationQuality
from plait.evaluation.answers.evidence import as_evidence, given_hits
from plait.prompts import checked_sentences
from plait.testing import MemoryView, memory_view
from plait.verifiers.words import WordsVerifier

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
    return module.citation_quality(answer, view, JUDGES, gold)


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
