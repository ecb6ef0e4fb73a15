"""How many files somebody has to read to follow one question: counted, so that it does not grow unseen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = {"first": 66, "next": 41, "again": 34}
"""For a session's first question, which builds its parts, the next one, and one that was asked before."""


@pytest.mark.slow
def test_a_question_enters_few_files() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "asking.py"), "--worker", "--asked", "2"]
    made = subprocess.run(command, cwd=ROOT, input="files\n", capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout.splitlines()[-1])
    assert {when: len(files) for when, files in found.items() if len(files) > MOST[when]} == {}, found
