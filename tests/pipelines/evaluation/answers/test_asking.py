"""Questions asked from end to end, of quoting and of writing pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.contracts import Answer, Chunk, GenerationRequest, Message, Query
from plait.contracts.errors import GenerationError
from plait.evaluation.answers.asking import Decider, Decision, ask_questions, majority, stated
from plait.evaluation.answers.quality import given_hits
from plait.evaluation.answers.questions import DECISIONS, Question, collection_questions
from plait.evaluation.retrieval.collections import load_collection
from plait.hooks import PluginHost
from plait.rag import Rag, open_index
from plait.rag.parts import Parts
from plait.testing import MemoryView, memory_view, sample_documents


@pytest.fixture(scope="module")
def questions(answered_collection: Path) -> list[Question]:
    return collection_questions(load_collection(answered_collection))


def test_each_answer_is_the_one_that_the_pipeline_gives_when_asked_alone(
    answering: Rag, questions: list[Question]
) -> None:
    seen: list[tuple[str, int, int | None]] = []
    found = ask_questions(answering, questions, k=1, progress=lambda *told: seen.append(told))
    for one in found.asked:
        alone = answering.ask(one.question.text)
        assert (one.answer.text, one.answer.sentences, one.answer.declined) == (
            alone.text,
            alone.sentences,
            alone.declined,
        )
    assert seen == [("questions", done, 5) for done in range(6)]


def test_what_was_found_agreed_cited_and_declined_is_judged(answering: Rag, questions: list[Question]) -> None:
    asked = {one.question.id: one for one in ask_questions(answering, questions, k=1).asked}
    minutes, wall = asked["minutes"], asked["wall"]
    assert minutes.found == ("tea",)
    assert minutes.recall == 1.0
    assert minutes.agreement is not None
    assert minutes.agreement.contains
    assert minutes.quality.cited == minutes.quality.cited_supported > 0
    assert minutes.quality.relevant == minutes.citations.reopened == minutes.citations.total
    assert minutes.decision is None
    assert wall.answer.declined
    assert (wall.recall, wall.agreement) == (None, None)
    assert asked["sleep"].agreement is None  # a decision alone is no gold answer in words
    twisted = asked["twisted"].decision
    assert twisted is not None
    assert twisted.by == "text"


def test_given_evidence_is_the_gold_document_and_nothing_is_searched(answering: Rag, questions: list[Question]) -> None:
    found = ask_questions(answering, questions, evidence="given")
    for one in found.asked:
        assert {hit.document_id for hit in one.answer.hits} == set(one.question.documents)
        assert one.found is None
        assert one.recall is None
    assert found.asked[-1].answer.declined  # nothing answers it, so nothing is given


def test_why_the_backend_did_not_choose_is_kept(answering: Rag, questions: list[Question]) -> None:
    assert "choices" in ask_questions(answering, questions[1:2]).not_chosen
    assert ask_questions(answering, questions[:1]).not_chosen == ""  # nothing was to be decided


def test_a_question_that_is_no_query_counts_as_declined_and_is_named(answering: Rag) -> None:
    blank = Question("blank", "  ", ("tea",), "two minutes", "single")
    found = ask_questions(answering, [blank])
    assert found.asked[0].answer.declined
    assert found.asked[0].agreement is not None
    assert found.asked[0].agreement.f1 == 0.0
    assert found.refused == (("blank", "the query is empty. Fix: ask with at least one word."),)


def test_the_best_of_several_gold_answers_counts(answering: Rag) -> None:
    text = answering.ask("How many minutes is green tea steeped?").text
    question = Question("q", "How many minutes is green tea steeped?", ("tea",), "never", "single", also=(text, "x"))
    (one,) = ask_questions(answering, [question]).asked
    assert one.agreement is not None
    assert one.agreement.exact


def test_a_language_model_writes_in_batches_what_it_writes_alone_and_chooses(
    answering: Rag, questions: list[Question]
) -> None:
    generator = use("transformers", dtype="float32", threads=1)
    pipeline = Pipeline(
        readers=[use("beir")],
        retrievers=[use("lexical")],
        generator=generator,
        answer={"max_tokens": 12},  # type: ignore[arg-type]  # pydantic reads it
    )
    with open_index(answering.path, pipeline, host=PluginHost.discover(third_party=False)) as rag:
        together = ask_questions(rag, questions, evidence="given", batch=8)
        alone = ask_questions(rag, questions, evidence="given", batch=1)
    assert [one.answer.text for one in together.asked] == [one.answer.text for one in alone.asked]
    assert [one.decision for one in together.asked] == [one.decision for one in alone.asked]
    assert [one.decision is None for one in together.asked] == [True, False, False, False, True]
    assert all(one.decision is None or one.decision.by == "choices" for one in together.asked)
    assert together.not_chosen == ""
    assert not together.asked[0].answer.declined


PIPELINE = Pipeline(retrievers=[use("lexical")])
QUERY = Query("Does BM25 weigh terms?")


class Choosing:
    """Chooses what it is told to, or fails where it is told to; remembers what it was asked."""

    context_tokens = None

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.requests: list[GenerationRequest] = []

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if answer is None:
            raise GenerationError("no choices here")
        yield Chunk(answer, "stop")


@pytest.fixture
def view() -> MemoryView:
    return memory_view(sample_documents())


def parts_with(generator: object) -> Parts:
    parts = Parts(PIPELINE, PluginHost.discover(third_party=False))
    parts.__dict__["generator"] = generator
    return parts


def decide(decider: Decider, parts: Parts, view: MemoryView, answer: str = "Yes, it does.") -> Decision:
    hits = given_hits({view.document_ids[0]}, view)
    return decider.decide(parts, QUERY, hits, view, Answer(QUERY.text, answer))


def test_the_backend_is_asked_for_one_of_three_words_with_the_evidence_in_front(view: MemoryView) -> None:
    generator = Choosing("maybe")
    decider = Decider()
    assert decide(decider, parts_with(generator), view) == Decision("maybe", "choices")
    (request,) = generator.requests
    assert tuple(request.choices) == DECISIONS
    assert view.passage(0).text in request.messages[-1].content
    assert request.messages[-1].content.endswith("Answer with one word: yes, no or maybe.")
    assert decider.refused == ""


def test_a_backend_that_cannot_choose_is_asked_once_and_its_answers_are_read(view: MemoryView) -> None:
    generator = Choosing(None)
    decider = Decider()
    parts = parts_with(generator)
    assert decide(decider, parts, view) == Decision("yes", "text")
    assert decide(decider, parts, view, "It weighs terms.") == Decision(None, "text")
    assert "no choices here" in decider.refused
    assert len(generator.requests) == 1


def test_a_declined_answer_decides_nothing(view: MemoryView) -> None:
    declined = Answer("?", "No document answers this.", declined=True)
    decision = Decider().decide(parts_with(Choosing(None)), QUERY, [], view, declined)
    assert decision == Decision(None, "text")


def test_a_backend_that_chose_before_and_then_fails_has_failed(view: MemoryView) -> None:
    decider, parts = Decider(), parts_with(Choosing("yes", None))
    decide(decider, parts, view)
    with pytest.raises(GenerationError, match="no choices here"):
        decide(decider, parts, view)


def test_a_backend_that_answers_freely_has_not_chosen(view: MemoryView) -> None:
    decider, parts = Decider(), parts_with(Choosing("yes", "Yes, of course"))
    decide(decider, parts, view)
    with pytest.raises(GenerationError, match=r"answered 'Yes, of course'.*Choices: yes, no, maybe"):
        decide(decider, parts, view)


def test_the_extractive_generator_says_that_it_cannot_choose(view: MemoryView) -> None:
    decider = Decider()
    parts = Parts(PIPELINE, PluginHost.discover(third_party=False))
    assert decide(decider, parts, view, "BM25 weighs terms.") == Decision(None, "text")
    assert "cannot answer with one of given choices" in decider.refused


def test_a_real_language_model_chooses_by_likelihood(view: MemoryView) -> None:
    pipeline = Pipeline(retrievers=[use("lexical")], generator=use("transformers", threads=1))
    decider = Decider()
    decision = decide(decider, Parts(pipeline, PluginHost.discover(third_party=False)), view)
    assert decision.by == "choices"
    assert decision.value in DECISIONS


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("Yes.", "yes"),
        ("“No”, they differ.", "no"),
        ("maybe so", "maybe"),
        ("Nobody knows.", None),
        ("I would say yes.", None),
        ("", None),
        ("...", None),
    ],
)
def test_only_the_first_word_of_an_answer_decides(text: str, decision: str | None) -> None:
    assert stated(text) == decision


def test_the_majority_is_the_most_frequent_and_ties_have_an_order() -> None:
    assert majority(["maybe", "maybe", "yes"]) == "maybe"
    assert majority(["maybe", "no"]) == "no"
