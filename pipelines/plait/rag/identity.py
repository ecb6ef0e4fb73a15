"""What an index was built with, and whether a pipeline still fits it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plait.contracts.errors import IdentityError

__all__ = ["compare_identity", "differences"]


def differences(built: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Each leaf where two identities differ, as ``path: built != now``. Keys only in ``built`` do not count.

    An index may hold columns that this pipeline does not use; it must hold those that it does.

    Example:
        >>> differences({"dense": {"model": "a", "dim": 2}}, {"dense": {"model": "b", "dim": 2}})
        ["dense.model: the index has 'a', the pipeline wants 'b'"]
    """
    found: list[str] = []
    for key, wanted in now.items():
        path = f"{prefix}{key}"
        if key not in built:
            found.append(f"{path}: not in the index, the pipeline wants {wanted!r}")
        elif isinstance(wanted, Mapping) and isinstance(built[key], Mapping):
            found += differences(built[key], wanted, f"{path}.")
        elif built[key] != wanted:
            found.append(f"{path}: the index has {built[key]!r}, the pipeline wants {wanted!r}")
    return found


def compare_identity(built: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    """Refuses a pipeline that would read an index built by other parts.

    Vectors of another model may well have the same width; searching them gives nonsense without any error,
    which is why this is checked before every search.

    Raises:
        IdentityError: with every difference and the command that rebuilds.
    """
    found = differences(built, now)
    if found:
        raise IdentityError(
            "this index was built by other parts than the pipeline's: " + "; ".join(found),
            where=where,
            fix=f"use the pipeline it was built with, or run 'plait index rebuild --index {where} --pipeline FILE'",
        )
