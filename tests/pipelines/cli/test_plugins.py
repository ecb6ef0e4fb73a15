"""``plait plugins``: what is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Run = Callable[..., tuple[int, str, str]]


def parsed(text: str) -> Any:
    return json.loads(text)


def test_plugins_lists_components_by_kind(plait: Run) -> None:
    status, out, _ = plait("plugins", "retriever", "--json")
    assert status == 0
    assert {"dense", "lexical"} <= {one["name"] for one in parsed(out)["components"]}
    assert parsed(out)["problems"] == []


def test_plugins_suggests_the_nearest_kind(plait: Run) -> None:
    status, _, err = plait("plugins", "retriver")
    assert status == 1
    assert "did you mean 'retriever'" in err
