"""Decisions by choice and by text; the smallest real language model makes some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from plait.config import Pipeline, use
from plait.contracts import Answer, Chunk, GenerationRequest, Message, Query
from plait.contracts.errors import GenerationError
from plait.evaluation.answers.decisions import Decider, Decision, majority, stated
from plait.evaluation.answers.evidence import given_hits
from plait.evaluation.answers.questions import DECISIONS
from plait.hooks import PluginHost
from plait.rag.parts import Parts
from plait.testing import MemoryView, memory_view, sample_documents

PIPELINE = Pipeline(retrievers=[use("lexical")])
QUERY = Query("Does BM25 weigh terms?")


class Choosing:
    """Chooses what it is told to, or fails where it is told to; remembers what it was asked."""

    context_tokens = None
    accepts_embeddings = False

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
