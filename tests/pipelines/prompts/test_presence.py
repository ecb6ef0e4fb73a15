import pytest

from plait.prompts.presence import NEAR, holds, mentions
from plait.text.content import content_words


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
