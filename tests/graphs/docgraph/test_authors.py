"""Names are taken apart as people write them, merged where only one person fits, and never in silence."""

from __future__ import annotations

import time

import pytest

from plait.docgraph.authors import authors_of, merge_persons, orcid_in, parse_name


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


def _merge(*keys: str) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    made = merge_persons([(key, key) for key in keys])
    return dict(made.merged), dict(made.ambiguous)


def test_an_initial_is_the_only_first_name_that_fits() -> None:
    assert _merge("perlis, a", "perlis, alan j", "turing, alan") == ({"perlis, a": "perlis, alan j"}, {})


def test_an_initial_that_fits_two_people_is_left_alone_and_named() -> None:
    merged, ambiguous = _merge("smith, j", "smith, john", "smith, jane")
    assert merged == {}
    assert ambiguous == {"smith, j": ("smith, jane", "smith, john")}


def test_two_full_names_are_never_merged() -> None:
    assert _merge("smith, john", "smith, jon", "smith, johnny") == ({}, {})


def test_names_that_contradict_each_other_are_two_people() -> None:
    assert _merge("smith, john a", "smith, j b") == ({}, {})


def test_a_chain_of_fuller_forms_ends_in_the_fullest() -> None:
    assert _merge("feldman, j", "feldman, j a", "feldman, jerome a")[0] == {
        "feldman, j": "feldman, jerome a",
        "feldman, j a": "feldman, jerome a",
    }


def test_a_surname_alone_is_merged_with_nobody() -> None:
    assert _merge("perlis", "perlis, alan") == ({}, {})


def test_a_name_is_that_of_the_one_person_with_an_orcid() -> None:
    made = merge_persons(
        [("orcid:0000-0002-1825-0097", "Josiah Carberry"), ("carberry, josiah", "J"), ("carberry, j", "")]
    )
    assert dict(made.merged) == {
        "carberry, j": "orcid:0000-0002-1825-0097",
        "carberry, josiah": "orcid:0000-0002-1825-0097",
    }


def test_a_name_that_two_orcids_share_is_left_alone() -> None:
    made = merge_persons([("orcid:1", "Wei Wang"), ("orcid:2", "Wei Wang"), ("wang, wei", "Wei Wang")])
    assert dict(made.merged) == {}
    assert dict(made.ambiguous) == {"wang, wei": ("orcid:1", "orcid:2")}


def test_ten_thousand_people_of_one_surname_take_no_quadratic_time() -> None:
    keys = [("wang, " + "".join(chr(97 + n // 26**p % 26) for p in range(4)), "") for n in range(10_000)]
    start = time.process_time()
    merge_persons([*keys, ("wang, a", ""), ("wang, b", "")])
    assert time.process_time() - start < 5


def test_numbered_namesakes_are_different_people_and_the_plain_name_may_be_any_of_them() -> None:
    merged, ambiguous = _merge("wang, wei 0001", "wang, wei 0002", "wang, wei", "wang, w")
    assert merged == {}
    assert ambiguous == dict.fromkeys(("wang, wei", "wang, w"), ("wang, wei 0001", "wang, wei 0002"))


def test_a_number_is_no_fuller_form_of_the_name() -> None:
    assert _merge("wang, wei", "wang, wei 0001") == ({}, {"wang, wei": ("wang, wei 0001",)})


def test_two_authors_of_one_paper_are_two_people_wherever_they_write() -> None:
    papers = [("smith, j", "smith, john"), ("smith, j",), ("smith, john a",)]
    authors = [(key, key) for key in ("smith, j", "smith, john", "smith, john a")]
    made = merge_persons(authors, papers)
    assert made["smith, j"] != made["smith, john"]
    assert "smith, j" in made.ambiguous
    assert merge_persons(authors)["smith, j"] == merge_persons(authors)["smith, john"] == "smith, john a"


def test_father_and_son_are_two_people() -> None:
    assert _merge("smith, john jr", "smith, john sr") == ({}, {})
    assert _merge("smith, john jr", "smith, john sr", "smith, john")[1] == {
        "smith, john": ("smith, john jr", "smith, john sr")
    }
