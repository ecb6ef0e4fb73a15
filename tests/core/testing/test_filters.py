"""Which metadata satisfies which filter; the index on disk agrees."""

from __future__ import annotations

from typing import Any

import pytest

from plait.testing import satisfies

PAPER = {"year": 2020, "topics": ["dense", "training"], "venue": "EMNLP", "open": True}


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({}, True),
        ({"venue": "EMNLP"}, True),
        ({"venue": "emnlp"}, False),
        ({"venue": ["ACL", "EMNLP"]}, True),
        ({"venue": []}, False),
        ({"topics": "dense"}, True),
        ({"topics": ["sparse", "training"]}, True),
        ({"topics": "sparse"}, False),
        ({"year": {"min": 2020}}, True),
        ({"year": {"min": 2021}}, False),
        ({"year": {"max": 2020, "min": 2019}}, True),
        ({"year": {"max": 2019}}, False),
        ({"venue": {"min": 2019}}, False),
        ({"missing": "x"}, False),
        ({"venue": "EMNLP", "year": 2019}, False),
        ({"open": True}, True),
    ],
)
def test_a_filter_keeps_what_it_says(filters: dict[str, Any], kept: bool) -> None:
    assert satisfies(PAPER, filters) is kept
