"""What a document is as the other end of a reference."""

from __future__ import annotations

import math

import pytest

from plait.contracts import Document
from plait.docgraph.records import Record, date_of, year_of


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
