import pytest

from plait.verifiers.polarity import (
    clauses,
    doubt_lost,
    negated_stems,
    negation_differs,
    opposites_of,
    quantifier_missing,
)


@pytest.mark.parametrize(
    ("claim", "span", "word"),
    [
        ("It improves recall.", "It does not improve recall.", "improv"),
        ("It never improves recall.", "It improves recall.", "improv"),
        ("It runs without training.", "It runs with training.", "train"),
        ("It fails to converge.", "It converges.", "converg"),
        ("It isn't stable.", "It is stable.", "stabl"),
    ],
)
def test_a_negation_on_one_side_is_noticed(claim, span, word):
    assert negation_differs(claim, span) == word


@pytest.mark.parametrize(
    ("claim", "span"),
    [
        ("It needs no training.", "It does not need training."),
        ("It runs without training.", "No training is required to run it."),
        ("It never fails to converge.", "It converges."),
        ("Not only recall improves.", "Recall improves."),
        ("Recall improves.", "Recall improves, but the index does not shrink."),
    ],
)
def test_equal_polarity_in_other_words_is_accepted(claim, span):
    assert negation_differs(claim, span) == ""


def test_a_negation_ends_with_its_clause():
    assert negated_stems("It does not need data, and the code is public.") == [["need", "data"]]


def test_instead_of_negates_what_follows():
    assert negated_stems("Mean pooling is used instead of the last token.") == [["last", "token"]]


def test_clauses_end_at_conjunctions_and_sentence_ends():
    text = "Precision falls while recall rises. Speed stays."
    assert [text[a:b].strip() for a, b in clauses(text)] == ["Precision falls", "recall rises", "Speed stays."]


def test_opposites_hold_in_both_directions():
    assert "slower" in opposites_of("faster")
    assert "faster" in opposites_of("slower")


def test_a_stronger_quantifier_than_the_span_is_noticed():
    assert quantifier_missing("All models improved.", "Some models improved.") == "all"
    assert quantifier_missing("All models improved.", "Every model improved.") == ""


def test_lost_doubt_is_noticed():
    assert doubt_lost("It helps.", "It may help.") == "may"
    assert doubt_lost("It might help.", "It may help.") == ""
