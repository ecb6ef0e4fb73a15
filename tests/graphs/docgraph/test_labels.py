"""A reference survives being stored as one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.contracts import Reference
from plait.docgraph.labels import label_of, reference_of, shown

WORDS = st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), max_size=20)


@given(WORDS, WORDS, st.none() | st.integers(0, 9999), st.dictionaries(st.sampled_from(["doi", "id", "arxiv"]), WORDS))
def test_what_is_written_is_read_back(text: str, title: str, year: int | None, identifiers: dict[str, str]) -> None:
    reference = Reference(text, title, year, identifiers)
    again = reference_of(label_of(reference))
    assert (again.text, again.title, again.year, dict(again.identifiers)) == (text, title, year, identifiers)


def test_tabs_and_lines_in_an_entry_do_not_break_it() -> None:
    again = reference_of(label_of(Reference("Doe\t title=x\nOn y", "On\ty")))
    assert (again.text, again.title) == ("Doe title=x On y", "On y")


@pytest.mark.parametrize(
    ("reference", "read"),
    [
        (Reference("Doe 1999", "T"), "Doe 1999"),
        (Reference(title="T"), "T"),
        (Reference(identifiers={"doi": "x"}), "doi x"),
    ],
)
def test_a_person_reads_the_most_telling_part(reference: Reference, read: str) -> None:
    assert shown(label_of(reference)) == read
