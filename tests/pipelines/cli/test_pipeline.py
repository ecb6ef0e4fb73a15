"""``plait pipeline``: a pipeline in full, and its mistakes by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


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
