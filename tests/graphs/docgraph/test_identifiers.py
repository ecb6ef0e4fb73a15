"""Identifiers come in many spellings and mean one thing."""

from __future__ import annotations

import pytest

from plait.docgraph.identifiers import identifier_key, identifier_keys


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
