"""The rules that one namespace over four areas stands on."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AREAS = ("core", "plugins", "graphs", "pipelines")
LONGEST = 400
FORBIDDEN_NAMES = {"utils", "util", "helpers", "misc", "common"}


def _packages() -> list[Path]:
    return [
        folder
        for area in AREAS
        for folder in sorted((ROOT / area / "plait").glob("*"))
        if folder.is_dir() and folder.name != "__pycache__"
    ]


def _modules() -> list[Path]:
    return [file for area in AREAS for file in sorted((ROOT / area).rglob("*.py"))]


def _named(files: list[Path]) -> list[str]:
    return [str(file.relative_to(ROOT)) for file in files]


def test_there_is_something_to_check() -> None:
    assert len(_packages()) >= 15
    assert len(_modules()) >= 100


def test_no_area_closes_the_namespace() -> None:
    """One ``__init__.py`` in an area's ``plait`` folder would hide the packages of the other areas."""
    assert not [area for area in AREAS if (ROOT / area / "plait" / "__init__.py").exists()]


def test_every_package_is_typed() -> None:
    assert _named([folder for folder in _packages() if not (folder / "py.typed").is_file()]) == []


def test_no_package_name_is_used_twice() -> None:
    counts = Counter(folder.name for folder in _packages())
    assert [name for name, count in counts.items() if count > 1] == []


def test_every_package_says_what_it_is_for() -> None:
    silent = []
    for folder in _packages():
        file = folder / "__init__.py"
        if not file.is_file() or not ast.get_docstring(ast.parse(file.read_text())):
            silent.append(folder)
    assert _named(silent) == []


def test_no_file_is_longer_than_two_ideas() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert _named([file for file in (*_modules(), *tests) if len(file.read_text().splitlines()) > LONGEST]) == []


def test_no_module_is_named_after_nothing() -> None:
    assert (
        _named([file for file in _modules() if FORBIDDEN_NAMES & set(file.relative_to(ROOT).with_suffix("").parts)])
        == []
    )


def test_tests_are_no_packages() -> None:
    """Tests are collected by importlib mode; an ``__init__.py`` would make two of one name clash."""
    assert _named(sorted((ROOT / "tests").rglob("__init__.py"))) == []


def test_every_entry_point_names_a_package_with_components_or_hooks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for module in project["entry-points"]["plait"].values():
        found = [ROOT / area / Path(*module.split(".")) / "__init__.py" for area in AREAS]
        assert any(file.is_file() and "@hookimpl\ndef plait_" in file.read_text() for file in found), module


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("unsafe", ["pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"])
def test_nothing_is_stored_in_a_form_that_can_hold_code(unsafe: str) -> None:
    assert _named([file for file in _modules() if unsafe in {name.split(".")[0] for name in _imports(file)}]) == []


def test_only_the_config_package_executes_a_file() -> None:
    running = []
    for file in _modules():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"exec", "eval"}:
                running.append(file)
    assert _named(running) == ["core/plait/config/loading.py"]
