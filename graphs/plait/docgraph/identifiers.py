"""Identifiers of papers in one form each: DOI, arXiv, PubMed, and ids of the corpus itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

__all__ = ["SCHEMES", "identifier_key", "identifier_keys"]

SCHEMES = ("id", "doi", "arxiv", "pmid", "pmcid", "openalex", "s2", "corpusid", "mag", "dblp", "acl")
"""Schemes that name one paper. An ISBN or a URL may be shared by all chapters of a book and proves nothing."""

_DOI = re.compile(r"10\.\d{4,9}/\S+")
_ARXIV_DOI = "10.48550/arxiv."
_ARXIV = re.compile(r"(?<![\d.])(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?!\d)", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


def identifier_key(scheme: str, value: str) -> str:
    """``scheme:value`` in its one form, or an empty string where the value is none of that scheme.

    Versions of an arXiv paper are one paper; its arXiv DOI is its arXiv id; DOIs do not mind case.

    Example:
        >>> identifier_key("arXiv", "https://arxiv.org/abs/2404.12096v2")
        'arxiv:2404.12096'
        >>> identifier_key("doi", "https://doi.org/10.48550/arXiv.2404.12096")
        'arxiv:2404.12096'
        >>> identifier_key("doi", "doi:10.1000/ABC."), identifier_key("doi", "none"), identifier_key("isbn", "3")
        ('doi:10.1000/abc', '', '')
    """
    scheme, value = scheme.strip().lower(), value.strip()
    if scheme == "id":
        return f"id:{value}" if value else ""
    if scheme == "doi":
        return _doi(value)
    if scheme == "arxiv":
        return _arxiv(value)
    if scheme in ("pmid", "pmcid"):
        digits = _DIGITS.search(value)
        return f"{scheme}:{int(digits.group())}" if digits else ""
    return f"{scheme}:{value.lower()}" if scheme in SCHEMES and value else ""


def identifier_keys(identifiers: Mapping[str, object]) -> list[str]:
    """The keys of all usable identifiers, most trusted scheme first.

    Example:
        >>> identifier_keys({"arxiv": "2404.12096", "isbn": "0-13", "doi": "10.1/x", "id": "a"})
        ['id:a', 'arxiv:2404.12096']
        >>> identifier_keys({"doi": "10.1000/x", "pmid": 12})
        ['doi:10.1000/x', 'pmid:12']
    """
    made = {identifier_key(str(scheme), str(value)) for scheme, value in identifiers.items() if value is not None}
    return sorted((key for key in made if key), key=lambda key: (SCHEMES.index(key.partition(":")[0]), key))


def _doi(value: str) -> str:
    found = _DOI.search(unquote(value))
    if not found:
        return ""
    doi = found.group().lower().rstrip(".,;)]}>\"'")
    return _arxiv(doi.removeprefix(_ARXIV_DOI)) if doi.startswith(_ARXIV_DOI) else f"doi:{doi}"


def _arxiv(value: str) -> str:
    found = _ARXIV.search(value)
    if not found:
        return ""
    archive, slash, number = found[1].lower().partition("/")
    return f"arxiv:{archive.split('.')[0]}/{number}" if slash else f"arxiv:{archive}"
