"""No package asks for a concrete class of another one: what it needs of a part is a protocol in ``plait.contracts``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
AREAS = ("core", "plugins", "graphs", "pipelines")
DATA = {("config", "Pipeline"), ("config", "Use")}
"""What pipelines are written in, which is no part."""


def _asked_for(source: str, package: str) -> Iterator[str]:
    """Classes of other packages than this one that a module checks with ``isinstance`` or ``issubclass``."""
    tree = ast.parse(source)
    imported = {
        alias.asname or alias.name: node.module.split(".")[1]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("plait.")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"isinstance", "issubclass"}
        ):
            for name in (part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)):
                home = imported.get(name, package)
                if home not in {package, "contracts"} and (home, name) not in DATA:
                    yield f"{home}.{name}"


def test_no_package_asks_for_a_class_of_another() -> None:
    files = [file for area in AREAS for file in sorted((ROOT / area).rglob("*.py"))]
    asked = {
        str(file.relative_to(ROOT)): found
        for file in files
        if (found := list(_asked_for(file.read_text(), file.relative_to(ROOT).parts[2])))
    }
    assert asked == {}


def test_a_module_that_does_is_found() -> None:
    source = "from plait.retrievers.dense import Dense as D\n\ndef f(x): return isinstance(x, (int, D))"
    assert list(_asked_for(source, "rag")) == ["retrievers.D"]
    assert list(_asked_for(source, "retrievers")) == []
