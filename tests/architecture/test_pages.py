"""Pages that are made from code say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from plait.hooks import KINDS

ROOT = Path(__file__).parents[2]
AREAS = ("core", "plugins", "graphs", "pipelines")


@pytest.mark.parametrize("maker", ["settings", "architecture"])
def test_a_page_made_from_code_is_up_to_date(maker: str) -> None:
    command = [sys.executable, str(ROOT / "docs" / "make" / f"{maker}.py"), "--check"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("area", AREAS)
def test_the_reference_has_every_package(area: str) -> None:
    page = (ROOT / "docs" / "reference" / f"{area}.md").read_text(encoding="utf-8").splitlines()
    found = {line.removeprefix("::: plait.") for line in page if line.startswith("::: plait.")}
    assert found == {file.parent.name for file in (ROOT / area / "plait").glob("*/__init__.py")}


def test_the_page_on_plugins_has_every_kind_and_every_hook() -> None:
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    hooks = re.findall(
        r"^def (plait_\w+)", (ROOT / "core/plait/hooks/specs.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(hooks) >= 6
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []
    assert [hook for hook in hooks if f"`{hook}" not in page] == []


def test_every_setting_says_what_it_does() -> None:
    rows = [line.split(" | ") for line in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()]
    silent = [
        cells[0] for cells in rows if len(cells) >= 5 and cells[0].startswith("| `") and cells[-1].strip(" |") == ""
    ]
    assert silent == []
