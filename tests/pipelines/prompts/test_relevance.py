import pytest

from plait.contracts import Document, Evidence, Query, Section, Text
from plait.embedders.minilm import Config, MiniLM
from plait.prompts.relevance import THRESHOLD, assess, signals
from plait.testing.memory import memory_view

DOCUMENTS = [
    Document("tea", "Tea", (Section("", (Text("Green tea is steamed, which keeps its leaves from oxidising."),)),)),
    Document("wing", "Wings", (Section("", (Text("A swept wing delays the rise of drag near Mach one."),)),)),
]


@pytest.fixture(scope="module")
def embedder():
    return MiniLM(Config())


@pytest.fixture(scope="module")
def view():
    return memory_view(DOCUMENTS)


@pytest.fixture(scope="module")
def evidence(view):
    return [Evidence(n + 1, view.passage(n), "t", 1.0) for n in range(len(view))]


@pytest.mark.parametrize("question", ["Why does green tea not oxidise?", "What does a swept wing do to drag?"])
def test_a_question_that_the_passages_answer_is_answerable(question, evidence, embedder, view):
    verdict = assess(Query(question), evidence, embedder, view)
    assert verdict.answerable
    assert verdict.reason == ""
    assert THRESHOLD <= verdict.score <= 1


@pytest.mark.parametrize("question", ["Who won the 1998 football world cup?", "How accurate is AlphaFold on proteins?"])
def test_a_question_about_something_else_is_not_and_the_reason_names_a_missing_word(question, evidence, embedder, view):
    verdict = assess(Query(question), evidence, embedder, view)
    assert not verdict.answerable
    assert "no passage contains" in verdict.reason


def test_without_passages_nothing_is_answerable(embedder, view):
    assert assess(Query("Why?"), [], embedder, view).reason == "no passage was found"


def test_without_an_embedder_the_words_decide(evidence, view):
    assert assess(Query("Why is green tea steamed?"), evidence, None, view).answerable
    assert not assess(Query("Who won the football cup?"), evidence, None, view).answerable


def test_the_signals_lie_in_their_range_and_name_the_missing_word(evidence, embedder, view):
    found = signals(Query("Is green tea steamed in Osaka?"), evidence, embedder, view)
    assert 0 < found.cosine <= 1
    assert 0 < found.coverage < 1
    assert found.missing_word == "Osaka"


def test_a_question_of_function_words_has_no_coverage(evidence, embedder, view):
    found = signals(Query("Who are they and why?"), evidence, embedder, view)
    assert found.coverage == 0.0
    assert found.missing_word == ""
