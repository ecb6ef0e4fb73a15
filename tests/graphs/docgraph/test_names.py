"""Names of authors are taken apart as people write them."""

from __future__ import annotations

import pytest

from plait.docgraph.names import authors_of, orcid_in, parse_name


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Perlis, A. J.", "perlis, a j"),
        ("A. J. Perlis", "perlis, a j"),
        ("Perlis AJ", "perlis, a j"),
        ("Samelson,K.", "samelson, k"),
        ("Alan Perlis", "perlis, alan"),
        ("Jean-Pierre Serre", "serre, jean pierre"),
        ("Thacher Jr., H. C.", "thacher, h c jr"),
        ("King, Martin Luther, Jr.", "king, martin luther jr"),
        ("Martin Luther King III", "king, martin luther iii"),
        ("Ludwig van Beethoven", "van beethoven, ludwig"),
        ("van Beethoven, Ludwig", "van beethoven, ludwig"),
        ("Beethoven, Ludwig van", "van beethoven, ludwig"),
        ("Conan O'Brien", "obrien, conan"),
        ("Conan O\u2019Brien", "obrien, conan"),
        ("S\u00f8ren Kierkegaard", "kierkegaard, soren"),
        ("Haji&#x10D, Jan", "hajic, jan"),
        ("Jan HAJIC", "hajic, jan"),
        ("Anna Li", "li, anna"),
        ("Plato", "plato"),
        ("王小明", "王小明"),
        ("The ATLAS Collaboration", "the atlas collaboration"),
        ("Smith, J., PhD", "smith, j"),
        ("Wei Wang 0001", "wang, wei 0001"),
        ("Wang, Wei 0002", "wang, wei 0002"),
        ("Wang 0002, Wei", "wang, wei 0002"),
        ("Plato 0003", "plato, 0003"),
    ],
)
def test_a_name_becomes_its_key(written: str, key: str) -> None:
    name = parse_name(written)
    assert name is not None
    assert name.key == key


@pytest.mark.parametrize("written", ["", " , ", "...", "123"])
def test_what_holds_no_letter_is_no_name(written: str) -> None:
    assert parse_name(written) is None


def test_an_orcid_is_only_taken_with_its_check_digit() -> None:
    assert orcid_in("0000-0002-9079-593X") == "0000-0002-9079-593X"
    assert orcid_in("0000-0002-9079-5930") == ""


def test_an_orcid_comes_beside_the_name_in_a_mapping_or_in_a_list() -> None:
    orcid = "0000-0002-1825-0097"
    forms = (
        {"authors": [f"Josiah Carberry ({orcid})"]},
        {"authors": [{"name": "Josiah Carberry", "orcid": f"https://orcid.org/{orcid}"}]},
        {"authors": ["Josiah Carberry"], "orcids": {"Josiah Carberry": orcid}},
        {"authors": ["Josiah Carberry"], "orcids": [orcid]},
    )
    assert {authors_of(form)[0].key for form in forms} == {f"orcid:{orcid}"}


def test_a_name_that_was_split_at_its_entity_is_put_together() -> None:
    assert [a.key for a in authors_of({"authors": ["Haji&#x10D", ", Jan", "Hric, Jan"]})] == ["hajic, jan", "hric, jan"]


def test_one_text_may_name_several_authors_but_a_group_is_one() -> None:
    assert [a.key for a in authors_of({"authors": "A. Bee and C. Dee; E. Eff"})] == ["bee, a", "dee, c", "eff, e"]
    assert [a.key for a in authors_of({"authors": "Bee, Ann and Dee, Cy"})] == ["bee, ann", "dee, cy"]
    assert len(authors_of({"authors": "Society of Arts and Sciences"})) == 1


def test_three_thousand_authors_are_each_there_once() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [f"{a.upper()}. {b}{c}erson" for a in letters for b in letters for c in letters][:3000]
    assert len(authors_of({"authors": names + names})) == len(set(names)) == 3000


@pytest.mark.parametrize("authors", [None, [], "", [None], [3], [{"orcid": "x"}]])
def test_odd_author_fields_do_no_harm(authors: object) -> None:
    assert authors_of({"authors": authors}) == []
