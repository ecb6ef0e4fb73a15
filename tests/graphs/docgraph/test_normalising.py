"""Equal things written differently meet; different things stay apart."""

from __future__ import annotations

import pytest

from plait.docgraph.normalising import plain, title_key, topic_key, venue_key, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pre-training of Deep Models", "Pretraining of deep models."),
        ("“Smart” quotes \u2013 dashes", '"Smart" quotes - dashes'),
        ("Caf\u00e9 society", "Cafe\u0301 Society"),
        ("AT&amp;T networks", "AT&T Networks"),
        ("Schr&ouml;dinger", "Schrödinger"),
        ("\ufb01nite automata", "finite automata"),
    ],
)
def test_spellings_of_one_title_have_one_key(one: str, other: str) -> None:
    assert title_key(one) == title_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Programming in C", "Programming in C++"), ("C++ in depth", "C# in depth"), ("Part I", "Part II")],
)
def test_titles_that_differ_in_one_sign_have_two_keys(one: str, other: str) -> None:
    assert title_key(one) != title_key(other)


def test_entities_that_were_escaped_twice_are_decoded() -> None:
    assert plain("Haji&amp;#x10D;") == "hajic"


def test_marks_that_tell_words_apart_in_other_scripts_stay() -> None:
    assert plain("か") != plain("が")
    assert words("学习") == ["学习"]


@pytest.mark.parametrize(
    "name",
    [
        "Proceedings of the 12th Conference on Braids",
        "Proc. of the Twelfth Conference on Braids (1998)",
        "Conference on Braids",
    ],
)
def test_the_years_of_one_conference_are_one_venue(name: str) -> None:
    assert venue_key(name) == "conference on braids"


def test_venues_of_different_societies_are_two() -> None:
    assert venue_key("ACL 2019") != venue_key("NAACL 2019")


def test_a_venue_that_is_only_a_year_keeps_it() -> None:
    assert venue_key("1998") == "1998"


def test_categories_keep_their_points() -> None:
    assert topic_key("3.15") != topic_key("31.5")
    assert topic_key("Question-Answering ") == "question answering"
