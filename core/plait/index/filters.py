"""Conditions on metadata: which documents satisfy ``Query.filters``."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import QueryError, nearest

__all__ = ["FilterKey", "satisfying"]

_BOUNDS = frozenset({"min", "max"})


class FilterKey:
    """One metadata key over all documents, ready to be asked for values and ranges.

    Args:
        values: for each document its value, or a list of values, or None where it has none.

    Example:
        >>> year = FilterKey([2020, 2024, None, [2021, 2023]])
        >>> year.equal(2023).tolist(), year.between({"min": 2021}).tolist()
        ([3], [1, 3])
    """

    def __init__(self, values: Iterable[Any]) -> None:
        lists: dict[tuple[str, Any], list[int]] = {}
        for number, value in enumerate(values):
            for item in value if isinstance(value, list | tuple) else (value,):
                kind = _kind(item)
                if kind:
                    lists.setdefault((kind, item), []).append(number)
        self._documents = {key: np.unique(np.array(found, dtype=np.int64)) for key, found in lists.items()}
        # Text and numbers are ordered apart: they cannot be compared with each other.
        self._ordered = {kind: sorted(value for k, value in lists if k == kind) for kind in ("number", "text")}

    def equal(self, wanted: Any) -> NDArray[np.int64]:
        """Documents that have exactly this value, or have it in their list. Case matters; 1 equals 1.0."""
        return self._documents.get((_kind(wanted), wanted), np.empty(0, dtype=np.int64))

    def between(self, bounds: Mapping[str, Any]) -> NDArray[np.int64]:
        """Documents with a value from ``min`` to ``max``, both included."""
        kind = next(_kind(bound) for bound in bounds.values())
        ordered = self._ordered[kind]
        start = bisect.bisect_left(ordered, bounds["min"]) if "min" in bounds else 0
        end = bisect.bisect_right(ordered, bounds["max"]) if "max" in bounds else len(ordered)
        found = [self._documents[kind, value] for value in ordered[start:end]]
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


def satisfying(
    filters: Mapping[str, Any], documents: int, keys: Callable[[], Sequence[str]], key: Callable[[str], FilterKey]
) -> NDArray[np.bool_]:
    """Which documents satisfy all filters, shape (documents,).

    Args:
        filters: as in :class:`plait.contracts.Query`; the key ``id`` means the document's id.
        documents: how many there are.
        keys: the metadata keys that occur, for messages.
        key: the prepared form of a key.

    Raises:
        QueryError: a filter is malformed, or names a key that no document has.
    """
    mask = np.ones(documents, dtype=np.bool_)
    for name, wanted in filters.items():
        _check(name, wanted, documents, keys)
        prepared = key(name)
        if isinstance(wanted, Mapping):
            found = prepared.between(wanted)
        elif isinstance(wanted, list | tuple | set | frozenset):
            parts = [prepared.equal(item) for item in wanted]
            found = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        else:
            found = prepared.equal(wanted)
        hit = np.zeros(documents, dtype=np.bool_)
        hit[found] = True
        mask &= hit
    return mask


def _check(name: str, wanted: Any, documents: int, keys: Callable[[], Sequence[str]]) -> None:
    if name != "id" and documents:
        known = keys()
        if name not in known:
            guess = nearest(name, known)
            raise QueryError(
                f"no document has the metadata key {name!r}",
                where="filters",
                choices=sorted(known)[:20],
                fix=f"write {guess!r}" if guess else "filter on one of these",
            )
    if isinstance(wanted, Mapping):
        kinds = {_kind(bound) for bound in wanted.values()}
        if not wanted or not _BOUNDS.issuperset(wanted) or len(kinds) != 1 or not kinds <= {"number", "text"}:
            raise QueryError(
                f"{dict(wanted)!r} is not a range",
                where=f"filter {name!r}",
                choices=("{'min': a}", "{'max': b}", "{'min': a, 'max': b}, both numbers or both text"),
                fix="give min, max or both",
            )
        return
    for item in wanted if isinstance(wanted, list | tuple | set | frozenset) else (wanted,):
        if not _kind(item):
            raise QueryError(
                f"{item!r} cannot be compared with metadata",
                where=f"filter {name!r}",
                choices=("text", "number", "true or false", "a list of these", "a range {'min': a, 'max': b}"),
                fix="write dates as text",
            )


def _kind(value: Any) -> str:
    """Which values can be equal: true is not 1, and "1" is not 1."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number" if value == value else ""
    return "text" if isinstance(value, str) else ""
