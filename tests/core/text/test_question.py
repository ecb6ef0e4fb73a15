import pytest

from plait.text.content import content_words
from plait.text.question import NEAR, foci, holds, mentions, names


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which learning rate was used to train the network?", ["learning rate"]),
        ("Which optimizer and batch size were used?", ["batch size"]),
        ("What is the word error rate of Whisper?", ["word error rate"]),
        ("At what learning rate does it diverge?", ["learning rate"]),
        ("How many GPUs did the training take?", ["GPUs"]),
        ("What is attention, and how many heads are there?", ["heads"]),
    ],
)
def test_a_quantity_asked_for_is_a_focus(question, expected):
    assert [focus.text for focus in foci(question)] == expected


@pytest.mark.parametrize(
    "question",
    [
        "What does Contriever train on?",
        "On which dataset does DPR lose to BM25, and what are the top-20 figures?",
        "Which encoder does it use?",
        "What is dense retrieval?",
        "What is the size of the index?",
        "How many authors wrote a paper?",
        "Which polysaccharide found in algal walls solidifies?",
        "A program in which error rates are counted",
        "What",
        "How many",
    ],
)
def test_other_questions_have_none(question):
    assert foci(question) == []


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How accurate is AlphaFold?", ["AlphaFold"]),
        ("What is BM25's place in RAG, and is BM25 old?", ["BM25", "RAG"]),
        ("Whose work is 2DMSE?", ["2DMSE"]),
        ("Are there trials with blood pressure (BP) in the 1990s at 100g?", []),
        ("Dense Passage Retrieval For Questions", []),
        ("why is the sky blue", []),
        ("", []),
    ],
)
def test_names_are_what_looks_like_one(question, expected):
    assert names(question) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("trained on libri speech", "LibriSpeech"),
        ("BM-25 and others", "BM25"),
        ("two MiniLMs", "MiniLM"),
        ("one LLM", "LLMs"),
        ("better in-batch text embeddings, say binary embedding-based retrieval", "BEBR"),
    ],
)
def test_a_name_is_mentioned_however_it_is_written(text, name):
    assert mentions(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("he whispers", "Whisperer"), ("a prewhisper", "Whisper"), ("", "Whisper"), ("some random guesses", "RAG")],
)
def test_another_word_or_the_initials_of_three_words_are_no_mention(text, name):
    assert not mentions(text, name)


def test_a_phrase_is_held_in_other_forms_and_orders_but_not_far_apart():
    phrase = content_words("learning rate")
    assert holds("The rates at which both learn.", phrase)
    assert not holds("They learn. " + "x " * NEAR + "The rate.", phrase)
    assert not holds("The rate alone.", phrase)
    assert not holds("", phrase)
