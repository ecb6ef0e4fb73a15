"""Each layer imports only those below it; and the check that says so really catches one that does not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AREAS = ("core", "plugins", "graphs", "pipelines")

# Imports the four areas from the working folder alone, so that a copy is checked and not the installed tree.
CHECK = f"""
import sys
from pathlib import Path
roots = {{str(Path(entry).resolve()) for entry in {[str(ROOT / area) for area in AREAS]!r}}}
sys.path = [str(Path.cwd() / area) for area in {AREAS!r}] + [
    entry for entry in sys.path if str(Path(entry).resolve()) not in roots
]
from importlinter.cli import lint_imports
sys.exit(lint_imports(no_cache=True))
"""


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CHECK], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for area in AREAS:
        if (ROOT / area).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(ROOT / area, tmp_path / area, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_is_kept() -> None:
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("core/plait/contracts/passage.py", "import plait.rag", "Each layer imports only those below it"),
        ("core/plait/hooks/host.py", "def late():\n    import plait.testing", "Each layer imports only those below it"),
        ("core/plait/config/schema.py", "import torch", "The core runs without torch"),
        ("pipelines/plait/rag/__init__.py", "import lancedb", "Only plait.index knows Lance and Arrow"),
    ],
)
def test_a_broken_contract_is_caught(copy: Path, file: str, line: str, contract: str) -> None:
    with (copy / file).open("a") as module:
        module.write(f"\n{line}\n")
    result = _lint(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{contract} BROKEN" in result.stdout
