"""Finds the installed plugins by entry point, and decides which may load."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points

from plait.contracts.errors import nearest
from plait.hooks.markers import PROJECT
from plait.hooks.registered import BUILT_IN, Problem

__all__ = ["ALLOW_VARIABLE", "allowed_by_environment", "distribution_of", "find_entry_points"]

ALLOW_VARIABLE = "PLAIT_PLUGINS"


def allowed_by_environment(environment: Mapping[str, str] = os.environ) -> list[str] | None:
    """The allow-list in the environment variable ``PLAIT_PLUGINS``; None when it is not set.

    Names stand between commas. A variable that is set but empty allows no third party.

    Example:
        >>> allowed_by_environment({"PLAIT_PLUGINS": "plait-ocr, title-match"})
        ['plait-ocr', 'title-match']
        >>> allowed_by_environment({"PLAIT_PLUGINS": ""})
        []
    """
    value = environment.get(ALLOW_VARIABLE)
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


def find_entry_points(third_party: bool, allow: Collection[str] | None) -> tuple[list[EntryPoint], list[Problem]]:
    """The entry points that may load, Plait's own first, then by distribution and name; and what looks wrong.

    Args:
        third_party: whether distributions other than Plait may load at all.
        allow: distribution or entry point names of the third parties that may; None allows all.
    """
    every = sorted(entry_points(group=PROJECT), key=_order)
    if not third_party:
        return [point for point in every if _built_in(point)], []
    if allow is None:
        return every, []
    wanted = {_canonical(name) for name in allow}
    kept = [point for point in every if _built_in(point) or _names(point) & wanted]
    known = {name for point in every if not _built_in(point) for name in _names(point)}
    return kept, [_unknown(name, sorted(known)) for name in sorted(set(allow)) if _canonical(name) not in known]


def distribution_of(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution that an entry point belongs to."""
    return (point.dist.name, point.dist.version) if point.dist else ("an unnamed distribution", "")


def _built_in(point: EntryPoint) -> bool:
    return _canonical(distribution_of(point)[0]) == BUILT_IN


def _order(point: EntryPoint) -> tuple[bool, str, str]:
    return not _built_in(point), _canonical(distribution_of(point)[0]), point.name


def _names(point: EntryPoint) -> set[str]:
    return {_canonical(distribution_of(point)[0]), _canonical(point.name)}


def _canonical(name: str) -> str:
    """A distribution name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _unknown(name: str, known: Sequence[str]) -> Problem:
    likely = nearest(name, known)
    hint = f"; did you mean {likely!r}?" if likely else f"; installed: {', '.join(known) or 'none'}"
    return Problem(name, "", f"the allow-list names it, but no such plugin is installed{hint}")
