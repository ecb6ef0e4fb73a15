"""One normal form for settings: the plain values that Python and TOML share, so that both compare equal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel

from plait.contracts.errors import ConfigError

__all__ = ["plain"]

_ACCEPTED = ("a string", "a number", "true or false", "a date or time", "a list", "a table", "use(...)", "None")


def plain(value: Any, where: str) -> Any:
    """``value`` as strings, numbers, booleans, dates, lists and dictionaries, however it was written.

    Tuples become lists, paths strings, and a nested ``use(...)`` the table that TOML would hold. What comes out
    shares nothing with what went in.

    Args:
        value: a setting, as a person wrote it.
        where: its dotted key, for the error.

    Raises:
        ConfigError: a value that no TOML file could hold, such as a function, or not-a-number.

    Example:
        >>> plain((1, {"folder": PurePath("a") / "b"}), "settings")
        [1, {'folder': 'a/b'}]
    """
    if isinstance(value, BaseModel):
        return plain(value.model_dump(), where)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(f"the key {key!r} is not a string", where=where, fix="write it in quotation marks")
        return {key: plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float) and math.isnan(value):
        raise ConfigError("the value is not a number (nan)", where=where, fix="give a number, or leave the key out")
    if type(value) in {str, bool, int, float, date, datetime, time} or value is None:
        return value
    raise ConfigError(
        f"{value!r} is of type {type(value).__name__}, which a pipeline cannot hold",
        where=where,
        choices=_ACCEPTED,
        fix="give a plain value; objects are built by the component from its settings",
    )
