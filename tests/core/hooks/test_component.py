"""A declaration that breaks a rule says which."""

from __future__ import annotations

from typing import Any

import pytest

from plait.contracts.errors import (
    PluginError,
)
from plait.hooks import Component


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        ({"name": "Has Space"}, "rename it, for example 'has-space'"),
        ({"name": "-dash"}, "lower-case letters"),
        ({"factory": "no colon"}, "write factory='module:Class'"),
        ({"config": "m.n"}, "write config='module:Class'"),
        ({"parts": {"embedder": "embedder"}}, "add config="),
        ({"config": "m:C", "parts": {"x": "encoder"}}, "kind 'encoder', which does not exist"),
    ],
)
def test_a_declaration_that_breaks_a_rule_says_which(declaration: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError, match=said.replace("(", r"\(")):
        Component(**{"kind": "fusion", "name": "sum", "factory": "m:F", **declaration})
