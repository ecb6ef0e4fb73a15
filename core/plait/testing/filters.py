"""Which metadata satisfies the filters of a query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["satisfies"]


def satisfies(metadata: Mapping[str, Any], filters: Mapping[str, Any]) -> bool:
    """Whether ``metadata`` meets every condition of :attr:`plait.contracts.Query.filters`.

    A condition is a wanted value, a list of accepted values, or a range with ``min``, ``max`` or both. Metadata
    that is a list matches if any of its items does. A missing key matches nothing.

    Example:
        >>> paper = {"year": 2020, "topics": ["dense", "training"]}
        >>> satisfies(paper, {"year": {"min": 2019, "max": 2020}, "topics": "dense"})
        True
        >>> satisfies(paper, {"topics": ["sparse", "structure"]})
        False
    """
    return all(key in metadata and _meets(metadata[key], wanted) for key, wanted in filters.items())


def _meets(value: Any, wanted: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_meets(item, wanted) for item in value)
    if isinstance(wanted, Mapping):
        try:
            return bool(wanted.get("min", value) <= value <= wanted.get("max", value))
        except TypeError:  # a word is in no range of numbers
            return False
    return value in wanted if isinstance(wanted, (list, tuple, set)) else bool(value == wanted)
