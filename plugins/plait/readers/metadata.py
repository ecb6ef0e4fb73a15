"""Metadata under the keys that Plait itself reads, whatever form a file gave it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping
from typing import Any

from plait.contracts import Reference

__all__ = ["json_value", "known_keys", "one_line", "references_from"]

_MAX_VALUES = 200_000
_MAX_DEPTH = 40


def one_line(text: str) -> str:
    """``text`` with every run of white space made one space."""
    return " ".join(text.split())


def json_value(value: Any) -> Any:
    """``value`` as JSON can hold it: dates become ISO strings, tuples and sets lists, keys strings.

    Raises:
        ValueError: it is nested without end, is expanded by aliases beyond any honest size, or is not finite.

    Example:
        >>> json_value({2024: (datetime.date(2024, 2, 22), None)})
        {'2024': ['2024-02-22', None]}
    """
    seen = 0

    def convert(item: Any, depth: int) -> Any:
        nonlocal seen
        seen += 1
        if seen > _MAX_VALUES:
            raise ValueError(f"it holds more than {_MAX_VALUES:,} values")
        if depth > _MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {_MAX_DEPTH} levels")
        if item is None or isinstance(item, str | bool | int):
            return item
        if isinstance(item, float):
            if not math.isfinite(item):
                raise ValueError(f"the number {item} is not finite")
            return item
        if isinstance(item, Mapping):
            return {str(key): convert(inner, depth + 1) for key, inner in item.items()}
        if isinstance(item, datetime.date | datetime.datetime | datetime.time):
            return item.isoformat()
        if isinstance(item, bytes):
            return item.decode("ascii", "backslashreplace")
        if isinstance(item, Iterable):
            return [convert(inner, depth + 1) for inner in item]
        return str(item)

    return convert(value, 0)


def known_keys(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """``metadata`` (JSON values) with authors, year, venue, topics and identifiers in the form Plait reads.

    Raises:
        ValueError: one of these holds something else; the message names the key and what is expected.

    Example:
        >>> known_keys({"authors": [{"name": "A. Turing"}], "year": "1950", "topics": "machines", "pages": 28})
        {'authors': ['A. Turing'], 'year': 1950, 'topics': ['machines'], 'pages': 28}
    """
    made = dict(metadata)
    for key in ("authors", "topics"):
        if made.get(key) is not None:
            made[key] = _names(key, made[key])
    if made.get("year") is not None:
        made["year"] = _year(made["year"])
    if made.get("venue") is not None:
        if not isinstance(made["venue"], str | int):
            raise ValueError(f"venue is {made['venue']!r}, not a name")
        made["venue"] = one_line(str(made["venue"]))
    if made.get("identifiers") is not None:
        made["identifiers"] = _identifiers(made["identifiers"])
    return {key: value for key, value in made.items() if value is not None}


def references_from(value: Any) -> tuple[Reference, ...]:
    """References written as ids of the same corpus, or as mappings with id, doi, arxiv, title, year or text.

    Raises:
        ValueError: ``value`` is neither.

    Example:
        >>> references_from(["bert", {"doi": "10.1/x", "title": "On x"}])[1].identifiers
        {'doi': '10.1/x'}
    """
    if isinstance(value, str | int):
        value = [value]
    if not isinstance(value, list):
        raise ValueError(f"references is {value!r}, not a list of ids")
    made = []
    for item in value:
        if isinstance(item, str | int) and str(item).strip():
            made.append(Reference(identifiers={"id": str(item).strip()}))
        elif isinstance(item, dict) and item:
            rest = dict(item)
            year = _year(rest.pop("year")) if rest.get("year") is not None else None
            text, title = str(rest.pop("text", "") or ""), str(rest.pop("title", "") or "")
            made.append(Reference(text, title, year, _identifiers(rest)))
        else:
            raise ValueError(f"the reference {item!r} is neither an id nor a mapping")
    return tuple(made)


def _names(key: str, value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    names = []
    for item in items:
        name = item.get("name") if isinstance(item, dict) else item
        if not isinstance(name, str | int):
            raise ValueError(f"{key} holds {item!r}, not a name")
        if one_line(str(name)):
            names.append(one_line(str(name)))
    return names


def _year(value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= len(text) <= 4:
        raise ValueError(f"year is {value!r}, not a number such as 2024")
    return int(text)


def _identifiers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str | int | float) for item in value.values()):
        raise ValueError(f"identifiers is {value!r}, not a mapping such as {{doi: 10.1000/1}}")
    return {str(scheme).strip().lower(): str(item).strip() for scheme, item in value.items()}
