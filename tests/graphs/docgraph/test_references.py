"""References name documents; what is in doubt stays unresolved, with its reason."""

from __future__ import annotations

import math
from typing import Any

import pytest

from plait.contracts import Document, Reference
from plait.contracts.errors import DocumentError
from plait.docgraph.references import Record, Resolver, date_of, year_of

ATTENTION = Record("attention", "Attention is all you need", 2017, ("arxiv:1706.03762",), frozenset({"vaswani"}))
BERT = Record("bert", "BERT: Pre-training of Deep Bidirectional Transformers", 2019, ("doi:10.18653/v1/n19-1423",))
PART_ONE = Record("one", "A theory of long braids, part I", 1999)
PART_TWO = Record("two", "A theory of long braids, part II", 1999)
EDITORIAL_A = Record("ed-a", "Editorial to this issue", 2001)
EDITORIAL_B = Record("ed-b", "Editorial to this issue", 2005)
SAME_A = Record("same-a", "On the width of braids", 2001, ("doi:10.1000/a",))
SAME_B = Record("same-b", "On the width of braids", 2001, ("doi:10.1000/b",))
UNDATED = Record("undated", "Notes on undated knots and links")


@pytest.fixture
def resolver() -> Resolver:
    return Resolver([ATTENTION, BERT, PART_ONE, PART_TWO, EDITORIAL_A, EDITORIAL_B, SAME_A, SAME_B, UNDATED])


def _reference(text: str = "", title: str = "", year: int | None = None, **identifiers: str) -> Reference:
    return Reference(text, title, year, identifiers)


@pytest.mark.parametrize(
    ("reference", "target", "how"),
    [
        (_reference(id="bert"), "bert", "id"),
        (_reference(arxiv="arXiv:1706.03762v7"), "attention", "arxiv"),
        (_reference(doi="https://doi.org/10.48550/ARXIV.1706.03762"), "attention", "arxiv"),
        (_reference(title="Something else", doi="10.18653/V1/N19-1423."), "bert", "doi"),
        (_reference(title="Attention Is All You Need", year=2017), "attention", "title"),
        (_reference(title="Attention Is All You Need", id="nowhere"), "attention", "title"),
        (_reference(title="A theory of long braids, Part II", year=1999), "two", "title"),
        (_reference(title="BERT: Pretraining of Deep Bidirectional Transformers", year=2018), "bert", "title"),
        (_reference(title="Editorial to this issue", year=2005), "ed-b", "title"),
        (_reference("A. Vaswani et al. Attention is all you need. NIPS 2017."), "attention", "title in the text"),
        (_reference("Notes on undated knots and links. Preprint."), "undated", "title in the text"),
        (_reference(title="Notes on undated knots and links", year=1988), "undated", "title"),
        (
            _reference(title="BERT: Pre-training of very Deep Bidirectional Transformers", year=2019),
            "bert",
            "near title",
        ),
    ],
)
def test_a_reference_finds_its_document(resolver: Resolver, reference: Reference, target: str, how: str) -> None:
    found = resolver.resolve(reference)
    assert (found.target, found.how) == (target, how)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (_reference(), "nothing to go by"),
        (_reference(isbn="0-13"), "nothing to go by"),
        (_reference(id="nowhere"), "unknown identifier"),
        (_reference(id="bert", arxiv="1706.03762"), "identifiers disagree"),
        (_reference(title="On the width of braids", year=2001), "ambiguous"),
        (_reference("On the width of braids, 2001"), "ambiguous"),
        (_reference(title="Editorial to this issue"), "ambiguous"),
        (_reference(title="Attention is all you need", year=1975), "other year"),
        (_reference("A. Vaswani. Attention is all you need. 1975."), "other year"),
        (_reference("B. Other. Attention is all you need. 2017."), "no match"),
        (_reference(title="A theory of long braids, part III", year=1999), "no match"),
        (_reference(title="BERT: Pre-training of very Deep Bidirectional Transformers", year=2005), "no match"),
        (_reference(title="BERT: Pre-training of very Deep Bidirectional Transformers"), "no match"),
    ],
)
def test_what_is_in_doubt_stays_unresolved(resolver: Resolver, reference: Reference, reason: str) -> None:
    found = resolver.resolve(reference)
    assert (found.target, found.confidence, found.how) == ("", 0.0, reason)


def test_confidence_falls_from_identifier_to_title_to_near_title(resolver: Resolver) -> None:
    asked = (
        _reference(id="attention"),
        _reference(title="Attention is all you need", year=2017),
        _reference(title="Attention is all you need"),
        _reference("Vaswani. Attention is all you need. 2017"),
        _reference(title="BERT: Pre-training of very Deep Bidirectional Transformers", year=2019),
    )
    sure = [resolver.resolve(reference).confidence for reference in asked]
    assert sure[:4] == [1.0, 0.95, 0.9, 0.85]
    assert 0.76 < sure[4] < 0.9


def test_a_title_with_another_doi_is_less_sure(resolver: Resolver) -> None:
    found = resolver.resolve(_reference(title=BERT.title, year=2019, doi="10.1000/other"))
    assert (found.target, found.confidence) == ("bert", 0.8)


def test_a_document_names_itself_only_by_id(resolver: Resolver) -> None:
    assert resolver.resolve(_reference(title="Attention is all you need"), "attention").target == ""
    assert resolver.resolve(_reference(id="attention"), "attention").target == "attention"


def test_documents_that_share_an_identifier_are_one_paper() -> None:
    twins = Resolver(
        [Record("b", "One title", 2001, ("doi:10.1000/x",)), Record("a", "Other", 1990, ("doi:10.1000/x",))]
    )
    assert twins.resolve(_reference(doi="10.1000/x")).target == "a"
    assert twins.duplicates_of(twins.record("b")) == [("a", 1.0)]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"year": 2002}, False),
        ({"year": None}, False),
        ({"surnames": frozenset({"doe"})}, False),
        ({"identifiers": ("doi:10.1000/b",)}, False),
        ({"identifiers": ("arxiv:2001.00001",)}, True),
        ({"title": "On the length of braids"}, False),
    ],
)
def test_documents_are_the_same_only_where_nothing_tells_them_apart(change: dict[str, Any], same: bool) -> None:
    known: dict[str, Any] = {
        "title": "On the width of braids",
        "year": 2001,
        "identifiers": ("doi:10.1000/a",),
        "surnames": frozenset({"artin"}),
    }
    one, other = Record("a", **known), Record("b", **(known | {"identifiers": ()} | change))
    assert bool(Resolver([one, other]).duplicates_of(one)) is same


def test_two_documents_of_one_id_are_refused() -> None:
    with pytest.raises(DocumentError, match="'a' is used by two documents"):
        Resolver([Record("a"), Record("a")])


def test_a_removed_document_is_found_no_more(resolver: Resolver) -> None:
    resolver.remove("same-a")
    assert resolver.resolve(_reference(title="On the width of braids", year=2001)).target == "same-b"
    resolver.remove("same-b")
    resolver.add(Record("same-b", "Another title altogether"))
    assert resolver.resolve(_reference(title="On the width of braids", year=2001)).how == "no match"
    assert "same-a" not in resolver
    assert len(resolver) == 8


def test_identifiers_surnames_and_year_are_read() -> None:
    metadata = {
        "authors": ["A. Perlis", "Samelson, K."],
        "year": "1958",
        "identifiers": {"doi": "10.1000/X", "id": "q"},
    }
    record = Record.of(Document("a", "T", (), metadata))
    assert record.identifiers == ("doi:10.1000/x",)
    assert record.surnames == {"perlis", "samelson"}
    assert record.year == 1958


def test_an_id_that_is_a_doi_is_one() -> None:
    assert Record("x").identifiers == ()
    assert Record.of(Document("10.21105/jose.00090", "T", ())).identifiers == ("doi:10.21105/jose.00090",)


@pytest.mark.parametrize("year", [None, True, "soon", 0, 20000, 1.5, []])
def test_what_is_no_year_is_unknown(year: object) -> None:
    assert year_of({"year": year}) is None
    assert math.isnan(date_of({"year": year, "month": 3}))


def test_a_date_is_whole_only_where_no_month_is_known() -> None:
    assert date_of({"year": 1958, "month": 13}) == 1958
    dates = [date_of({"year": 1958, "month": month}) for month in range(1, 13)]
    assert all(date % 1 for date in dates)
    assert dates == sorted(dates)
    assert 1958 < dates[0] < dates[-1] < 1959
