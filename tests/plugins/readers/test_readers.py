"""The built-in readers and chunkers are declared lightly and can be built as declared."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import plait.chunkers
import plait.readers
from plait.contracts import Chunker, Reader
from plait.hooks import Component

DECLARED = plait.readers.plait_components() + plait.chunkers.plait_components()


def load(name: str) -> type:
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    assert isinstance(found, type)
    return found


@pytest.mark.parametrize("component", DECLARED, ids=lambda component: component.name)
def test_a_component_is_built_from_its_default_settings(component: Component) -> None:
    if component.name == "llama-index":
        pytest.importorskip("llama_index.core")
    factory = load(component.factory)
    made = factory(load(component.config)()) if component.config else factory()
    assert isinstance(made, Reader if component.kind == "reader" else Chunker)


def test_settings_are_imported_without_parsers() -> None:
    modules = sorted({component.config.partition(":")[0] for component in DECLARED if component.config})
    heavy = ["pypdfium2", "lxml", "llama_index", "markdown_it", "torch", "transformers", "lancedb", "pyarrow"]
    code = f"import sys, {', '.join(modules)}; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
