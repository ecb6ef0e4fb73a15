"""Names are merged where only one person fits, and never in silence."""

from __future__ import annotations

import time

from plait.docgraph.persons import merge_persons


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
