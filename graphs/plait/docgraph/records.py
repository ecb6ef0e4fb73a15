"""What is known of a document when a reference is to be resolved to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plait.contracts import Document
from plait.docgraph.identifiers import identifier_key, identifier_keys
from plait.docgraph.names import authors_of, parse_name

__all__ = ["Record", "date_of", "year_of"]

_NAMES_COMPARED = 30


@dataclass(frozen=True, slots=True)
class Record:
    """A document as the other end of a reference.

    Args:
        id: the document's id.
        title: its title.
        year: the year it is from, if known.
        identifiers: keys made by :func:`plait.docgraph.identifiers.identifier_keys`, without its id.
        surnames: of its first authors, normalised.
    """

    id: str
    title: str = ""
    year: int | None = None
    identifiers: tuple[str, ...] = ()
    surnames: frozenset[str] = frozenset()

    @classmethod
    def of(cls, document: Document) -> Record:
        """The record of a document.

        Example:
            >>> Record.of(Document("a", "On braids", (), {"year": 1999, "identifiers": {"doi": "10.1000/A"}}))
            Record(id='a', title='On braids', year=1999, identifiers=('doi:10.1000/a',), surnames=frozenset())
        """
        return cls.of_metadata(document.id, document.title, document.metadata)

    @classmethod
    def of_metadata(cls, id: str, title: str, metadata: Mapping[str, Any]) -> Record:  # noqa: A002 - the field's name
        """The record of a document of which only id, title and metadata are at hand."""
        given = metadata.get("identifiers")
        keys = [key for key in identifier_keys(given if isinstance(given, Mapping) else {}) if key[:3] != "id:"]
        scheme = "doi" if id.lower().startswith(("10.", "doi:", "https://doi.org/")) else id.partition(":")[0].lower()
        if scheme in ("doi", "arxiv") and (key := identifier_key(scheme, id)) and key not in keys:
            keys.append(key)  # readers use a DOI as the id where a paper has one
        names = [parse_name(author.label) for author in authors_of(metadata)[:_NAMES_COMPARED]]
        return cls(id, title, year_of(metadata), tuple(keys), frozenset(name.surname for name in names if name))


def year_of(metadata: Mapping[str, Any]) -> int | None:
    """The year, where it is a number that can be one."""
    year = metadata.get("year")
    if isinstance(year, str) and year.strip().isdecimal():
        year = int(year)
    if isinstance(year, float) and year.is_integer():
        year = int(year)
    return year if isinstance(year, int) and not isinstance(year, bool) and 0 < year < 10_000 else None


def date_of(metadata: Mapping[str, Any]) -> float:
    """The date in years: a whole number where only the year is known, else the middle of the month; NaN if neither.

    Example:
        >>> date_of({"year": 1958}), date_of({"year": 1958, "month": 12}), date_of({})
        (1958.0, 1958.9583333333333, nan)
    """
    year, month = year_of(metadata), metadata.get("month")
    if year is None:
        return math.nan
    known = isinstance(month, int) and not isinstance(month, bool) and 1 <= month <= 12
    return year + (month - 0.5) / 12 if known and month is not None else float(year)
