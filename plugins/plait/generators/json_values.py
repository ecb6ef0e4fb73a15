"""JSON from servers and models, who may write anything: read without surprises."""

from __future__ import annotations

import json
from typing import Any, Never

__all__ = ["parsed", "whole_number"]


def parsed(text: str | bytes) -> Any:
    r"""The value of a JSON text.

    Only what JSON itself knows: Python would also take ``NaN`` and ``Infinity``, which no other reader does, and make
    infinity of a number that is too large.

    Raises:
        ValueError: it is no JSON, or nested too deeply to be read; never anything else.

    Example:
        >>> parsed('{"strands": 3}')
        {'strands': 3}
        >>> parsed("[" * 100_000)
        Traceback (most recent call last):
        ...
        ValueError: it is nested without end
        >>> parsed("[NaN]")
        Traceback (most recent call last):
        ...
        ValueError: NaN is no JSON
    """
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        pass
    raise ValueError("it is nested without end")


def whole_number(value: Any, least: int = 0) -> int | None:
    """``value`` if it is a whole number of at least ``least``; None for all else, ``true`` included.

    Example:
        >>> [whole_number(value) for value in (7, True, -1, 7.0, "7", None)]
        [7, None, None, None, None, None]
    """
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= least else None


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError("a number is too large")
    return number
