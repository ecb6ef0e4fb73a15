"""What importing costs, and what it must not bring in."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "sentence_transformers", "lancedb", "pyarrow", "llama_index", "pypdfium2", "lxml")

MEASURE = """
import json, resource, sys
{statement}
usage = resource.getrusage(resource.RUSAGE_SELF)
loaded = [name for name in {heavy!r} if name in sys.modules]
print(json.dumps([usage.ru_utime + usage.ru_stime, loaded]))
"""

HELP = """
import contextlib, io
from plait.cli import main
sys.argv = ["plait", {argument!r}]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""


def _run(statement: str) -> tuple[float, list[str]]:
    code = MEASURE.format(statement=statement, heavy=HEAVY)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    seconds, loaded = json.loads(result.stdout.splitlines()[-1])
    return seconds, loaded


def _least(statement: str) -> float:
    """The least of seven runs: the budgets are those of an idle core, and other tests run beside this one."""
    return min(_run(statement)[0] for _ in range(7))


@pytest.mark.parametrize("package", ["plait.rag", "plait.testing", "plait.hooks"])
def test_importing_brings_in_nothing_heavy(package: str) -> None:
    assert _run(f"import {package}")[1] == []


def test_importing_rag_stays_within_its_budget() -> None:
    """CPU seconds of the whole child process, the interpreter's own start included."""
    assert _least("import plait.rag") <= 0.35


@pytest.mark.parametrize("argument", ["--help", "plugins"])
def test_the_command_line_starts_without_anything_heavy(argument: str) -> None:
    assert _run(HELP.format(argument=argument))[1] == []


def test_help_stays_within_its_budget() -> None:
    assert _least(HELP.format(argument="--help")) <= 0.5


def test_listing_and_configuring_every_component_brings_in_nothing_heavy() -> None:
    statement = """
from plait.config import use
from plait.contracts.errors import ConfigError
from plait.hooks import PluginHost
host = PluginHost.discover(third_party=False)
assert len(host.components()) >= 5
for registered in host.components():
    try:
        host.settings(registered.kind, use(registered.name))
    except ConfigError as error:
        assert "is missing" in str(error)  # a setting without a default; its config module was imported all the same
"""
    assert _run(statement)[1] == []
