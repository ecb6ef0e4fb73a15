from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plait.contracts.errors import QueryError
from plait.index.filters import FilterKey, satisfying

METADATA: list[dict[str, Any]] = [
    {"year": 2019, "topics": ["dense", "graph"], "venue": "ACL", "open": True, "date": "2019-05-01"},
    {"year": 2021, "topics": ["sparse"], "venue": "EMNLP", "open": False, "date": "2021-11-02"},
    {"year": 2023.0, "topics": [], "open": 1, "scores": [1, 9]},
    {"topics": "dense", "venue": None},
]
IDS = ["a", "b", "c", "d"]


def _found(**filters: Any) -> str:
    def key(name: str) -> FilterKey:
        return FilterKey(IDS) if name == "id" else FilterKey(entry.get(name) for entry in METADATA)

    mask = satisfying(filters, 4, lambda: sorted({k for entry in METADATA for k in entry}), key)
    return "".join(np.array(IDS)[mask])


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"year": 2019}, "a"),
        ({"year": 2023}, "c"),
        ({"year": [2019, 2021]}, "ab"),
        ({"year": []}, ""),
        ({"year": {"min": 2020}}, "bc"),
        ({"year": {"max": 2021}}, "ab"),
        ({"year": {"min": 2021, "max": 2021}}, "b"),
        ({"date": {"min": "2020"}}, "b"),
        ({"topics": "dense"}, "ad"),
        ({"topics": ["graph", "sparse"]}, "ab"),
        ({"scores": {"min": 5}}, "c"),
        ({"scores": {"min": 2, "max": 8}}, ""),
        ({"open": True}, "a"),
        ({"open": 1}, "c"),
        ({"venue": "acl"}, ""),
        ({"id": "b"}, "b"),
        ({"id": ["a", "d", "x"]}, "ad"),
        ({"topics": "dense", "year": {"min": 2000}}, "a"),
    ],
)
def test_filters_find_what_they_say(filters: dict[str, Any], found: str) -> None:
    assert _found(**filters) == found


@pytest.mark.parametrize(
    "wanted", [{"mn": 1}, {}, {"min": 1, "max": "z"}, {"min": None}, {"min": True}, None, float("nan"), [[1]], b"x"]
)
def test_a_malformed_filter_is_refused(wanted: Any) -> None:
    with pytest.raises(QueryError, match="filter 'year'"):
        _found(year=wanted)


def test_a_misspelt_key_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(QueryError, match=r"'yaer'.*write 'year'"):
        _found(yaer=2020)
