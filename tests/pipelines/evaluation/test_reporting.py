"""Reports in one shape, and where they are written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from plait.contracts.errors import PlaitError
from plait.evaluation import reporting
from plait.evaluation.reporting import Row, check_target, json_report, rows_of, write_json

ROOT = Path(__file__).parents[3]


def test_a_report_says_what_was_run_on_which_commit_with_which_versions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/plait", "evaluate", "my papers"])
    write_json(tmp_path / "out.json", json_report([Row("papers", "default", "nDCG@10", 0.5, 0.4, 0.6)], notes=["a"]))
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["command"] == "plait evaluate 'my papers'"
    assert {"python", "plait", "numpy", "scipy"} <= set(told["versions"])
    row = {"task": "papers", "arm": "default", "measure": "nDCG@10", "value": 0.5, "low": 0.4, "high": 0.6}
    assert told["rows"] == [row]
    assert told["notes"] == ["a"]
    if (ROOT / ".git").exists():
        asked = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
        assert told["commit"] == subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def test_an_installed_plait_names_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reporting, "_CHECKOUT", tmp_path)
    assert json_report([])["commit"] is None


def test_nested_figures_become_rows_and_texts_do_not() -> None:
    figures = {
        "CPU-s": 2,
        "sage": {"mean": {"auc": 0.9, "encoder": "sage"}},
        "taken": {"count": 3, "low": 1, "high": 5},
    }
    assert list(rows_of("cacm", figures)) == [
        Row("cacm", "default", "CPU-s", 2),
        Row("cacm", "sage, mean", "auc", 0.9),
        Row("cacm", "default", "taken", 3, 1, 5),
    ]


def test_a_target_that_cannot_be_written_is_found_out_before_the_work(tmp_path: Path) -> None:
    check_target(None)
    check_target(tmp_path / "new.json")
    for target in (tmp_path, tmp_path / "nowhere" / "out.json"):
        with pytest.raises(PlaitError, match="cannot be written"):
            check_target(target)
        with pytest.raises(PlaitError, match="cannot be written"):
            write_json(target, {})
