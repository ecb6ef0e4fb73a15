"""How errors reach the person who typed a command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]


def parsed(text: str) -> Any:
    return json.loads(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("search", "x", "--index", "nowhere"), "there is no index here"),
        (("ask", "x", "--index", "nowhere"), "plait index add"),
        (("index", "check", "--index", "nowhere"), "nowhere"),
    ],
)
def test_a_missing_index_is_an_error_with_a_way_out(plait: Run, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = plait(*arguments)
    assert status == 1
    assert said in err
    assert "Traceback" not in out + err


def test_errors_are_json_where_json_was_asked_for(plait: Run, index: Path) -> None:
    status, out, err = plait("search", "", "--index", index, "--json")
    assert (status, out) == (1, "")
    assert parsed(err)["error"]["type"] == "QueryError"
