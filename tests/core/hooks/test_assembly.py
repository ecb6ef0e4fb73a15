"""What is built is shared, and refused by name when it is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plait.config import Use, use
from plait.contracts.errors import MissingDependencyError, PluginError, UnknownComponentError
from plait.hooks import Assembly, PluginHost


def test_equal_components_are_built_once(assembly: Assembly) -> None:
    first = assembly.build("chunker", use("sized", window=5))
    assert assembly.build("chunker", Use(name="sized", settings={"window": 5})) is first
    assert assembly.build("chunker", use("sized", window=6)) is not first


def test_a_default_written_out_is_the_same_component(assembly: Assembly) -> None:
    assert assembly.build("chunker", use("sized", window=3)) is assembly.build("chunker", use("sized"))


def test_two_assemblies_share_nothing(host: PluginHost) -> None:
    assert Assembly(host).build("chunker", use("blocks")) is not Assembly(host).build("chunker", use("blocks"))


def test_parts_are_built_passed_and_shared(assembly: Assembly) -> None:
    pair: Any = assembly.build("chunker", use("pair", more=[use("blocks"), use("sized")]))
    assert pair.first is assembly.build("chunker", use("blocks"))
    assert pair.second is None
    assert pair.more == (pair.first, assembly.build("chunker", use("sized")))


def test_a_part_can_be_named_by_its_bare_name(assembly: Assembly) -> None:
    pair: Any = assembly.build("chunker", use("pair", first="sized"))
    assert type(pair.first).__name__ == "Sized"


def test_an_object_that_does_not_satisfy_its_kind_is_refused_by_name(assembly: Assembly) -> None:
    with pytest.raises(PluginError, match="NotAChunker is no Chunker: it lacks chunk") as caught:
        assembly.build("chunker", use("wrong"))
    assert "chunker 'wrong' (test-parts)" in str(caught.value)


def test_checking_the_kind_runs_no_property(assembly: Assembly) -> None:
    """A property such as ``dimension`` may load a model; building must not."""
    assembly.build("embedder", use("lazy"))


def test_a_factory_that_fails_is_named(assembly: Assembly) -> None:
    with pytest.raises(PluginError, match=r"chunker 'failing' \(test-parts\): building it raised ValueError: bad luck"):
        assembly.build("chunker", use("failing"))


def test_a_missing_package_is_named_with_its_pip_line(assembly: Assembly) -> None:
    with pytest.raises(MissingDependencyError) as caught:
        assembly.build("chunker", use("lacking"))
    assert "braid_that_nobody_has" in caught.value.message
    assert caught.value.fix == 'pip install "plait[braid]"'


def test_a_factory_module_that_does_not_exist_is_the_plugins_fault(assembly: Assembly) -> None:
    with pytest.raises(PluginError, match="names the module 'no_such_module_here', which does not exist"):
        assembly.build("chunker", use("absent"))


def test_a_misspelt_factory_is_told_the_nearest_name(assembly: Assembly) -> None:
    with pytest.raises(PluginError, match="has no 'Block'; did its author mean 'Blocks'"):
        assembly.build("chunker", use("misspelt"))


def test_an_unknown_component_is_told_the_choices(assembly: Assembly) -> None:
    with pytest.raises(UnknownComponentError, match=re.escape("Choices: absent, blocks")):
        assembly.build("chunker", use("blokcs"))


def test_listing_and_configuring_imports_no_factory(tmp_path: Path) -> None:
    """In a fresh process: a factory's module that imports torch stays out until the component is built."""
    (tmp_path / "heavy_part.py").write_text("import torch\nclass Heavy:\n    def chunk(self, document): return []\n")
    (tmp_path / "light_part.py").write_text(
        "from plait.config import Settings\nclass Config(Settings):\n    size: int = 3\n"
    )
    code = """
import json, sys
from plait.config import use
from plait.hooks import Component, PluginHost, hookimpl
class Plugin:
    @hookimpl
    def plait_components(self):
        return [Component("chunker", "heavy", factory="heavy_part:Heavy", config="light_part:Config")]
host = PluginHost.discover()
host.register(Plugin(), name="mine")
host.components()
host.settings("chunker", use("heavy", size=4))
print(json.dumps(["light_part" in sys.modules, "heavy_part" in sys.modules, "torch" in sys.modules]))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == [True, False, False]
