"""Equal things written differently meet; different things stay apart."""

from __future__ import annotations

import pytest

from plait.docgraph.normalisation import (
    identifier_key,
    identifier_keys,
    plain,
    title_key,
    topic_key,
    venue_key,
    words,
)


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


@pytest.mark.parametrize(
    ("scheme", "value", "key"),
    [
        ("doi", "https://doi.org/10.1145/365230.365273", "doi:10.1145/365230.365273"),
        ("DOI", "doi: 10.1000/ABC.", "doi:10.1000/abc"),
        ("doi", "10.1000%2Fabc", "doi:10.1000/abc"),
        ("doi", "https://doi.org/10.48550/arXiv.1706.03762", "arxiv:1706.03762"),
        ("arxiv", "1706.03762v5", "arxiv:1706.03762"),
        ("arxiv", "arXiv:cs.CL/0301012v2", "arxiv:cs/0301012"),
        ("arxiv", "https://arxiv.org/pdf/1706.03762v1", "arxiv:1706.03762"),
        ("pmid", "PMID: 012345", "pmid:12345"),
        ("pmcid", "PMC77", "pmcid:77"),
        ("id", " A b/ü ", "id:A b/ü"),
    ],
)
def test_an_identifier_has_one_form(scheme: str, value: str, key: str) -> None:
    assert identifier_key(scheme, value) == key


@pytest.mark.parametrize(
    ("scheme", "value"), [("doi", "n/a"), ("arxiv", "?"), ("pmid", ""), ("isbn", "0-13"), ("url", "x")]
)
def test_what_names_no_single_paper_is_no_key(scheme: str, value: str) -> None:
    assert identifier_key(scheme, value) == ""


def test_the_most_trusted_scheme_comes_first() -> None:
    assert identifier_keys({"pmid": "3", "doi": "10.1000/x", "id": "a", "odd": None}) == [
        "id:a",
        "doi:10.1000/x",
        "pmid:3",
    ]
