"""``plait plugins`` and ``plait pipeline``: what is installed, and a pipeline in full with its mistakes by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
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


def test_a_pipeline_is_shown_in_full_and_its_mistakes_are_named(plait: Run, lexical: Path, tmp_path: Path) -> None:
    status, out, _ = plait("pipeline", lexical)
    assert status == 0
    assert 'use = "lexical"' in out
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('retriver = [{ use = "lexical" }]\n')
    status, _, err = plait("pipeline", wrong)
    assert status == 1
    assert "retriver" in err
    assert "retrievers" in err
    assert "wrong.toml" in err
