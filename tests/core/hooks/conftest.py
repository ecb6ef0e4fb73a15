"""Small real plugins, and components whose factories and configs live in importable modules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plait.hooks import Assembly, Component, PluginHost, hookimpl

PARTS = '''
from plait.config import Settings, Use, use

class OverlapConfig(Settings):
    window: int = 3
    words: tuple[str, ...] = ()

class PairConfig(Settings):
    first: Use = use("blocks")
    second: Use | None = None
    more: tuple[Use, ...] = ()

class CircleConfig(Settings):
    inner: Use = use("circle")

class Blocks:
    made = 0
    def __init__(self):
        Blocks.made += 1
    def chunk(self, document):
        return []

class Sized:
    def __init__(self, config):
        self.config = config
    def chunk(self, document):
        return []

class Pair:
    def __init__(self, config, first, second, more):
        self.config, self.first, self.second, self.more = config, first, second, more
    def chunk(self, document):
        return []

class Lazy:
    """An embedder whose dimension would load a model."""
    @property
    def dimension(self):
        raise AssertionError("the model was loaded")
    def fingerprint(self):
        return {}
    def embed_passages(self, texts):
        return []
    def embed_queries(self, texts):
        return []

class NotAChunker:
    chunk = "no method"

class Failing:
    def __init__(self):
        raise ValueError("bad luck")

class Lacking:
    def __init__(self):
        import braid_that_nobody_has

not_a_model = dict
'''


class Offering:
    """A plugin that offers components."""

    def __init__(self, *components: Component) -> None:
        self.components = components

    @hookimpl
    def plait_components(self) -> Sequence[Component]:
        return self.components


@pytest.fixture
def offering() -> type[Offering]:
    return Offering


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an importable module with factories and configs."""
    name = "hook_test_parts"
    (tmp_path / f"{name}.py").write_text(PARTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


class FakeEntryPoint(SimpleNamespace):
    """Stands for an installed distribution's line; what it loads is real."""

    def load(self) -> Any:
        return self.loader()


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes plugins appear installed: ``install(("plait-a", "a", loader), ...)``."""

    def pretend(*installed: tuple[str, str, Callable[[], Any]]) -> None:
        points = [
            FakeEntryPoint(name=name, dist=SimpleNamespace(name=distribution, version="1.2"), loader=loader)
            for distribution, name, loader in installed
        ]
        monkeypatch.setattr("plait.hooks.discovery.entry_points", lambda group: points if group == "plait" else [])

    monkeypatch.delenv("PLAIT_PLUGINS", raising=False)
    return pretend


@pytest.fixture
def host(module: str) -> PluginHost:
    host = PluginHost()
    host.register(
        Offering(
            Component("chunker", "blocks", factory=f"{module}:Blocks"),
            Component("chunker", "sized", factory=f"{module}:Sized", config=f"{module}:OverlapConfig"),
            Component(
                "chunker",
                "pair",
                factory=f"{module}:Pair",
                config=f"{module}:PairConfig",
                parts={"first": "chunker", "second": "chunker", "more": "chunker"},
            ),
            Component(
                "chunker",
                "circle",
                factory=f"{module}:Pair",
                config=f"{module}:CircleConfig",
                parts={"inner": "chunker"},
            ),
            Component("embedder", "lazy", factory=f"{module}:Lazy"),
            Component("chunker", "wrong", factory=f"{module}:NotAChunker"),
            Component("chunker", "failing", factory=f"{module}:Failing"),
            Component("chunker", "lacking", factory=f"{module}:Lacking", extra="plait[braid]"),
            Component("chunker", "absent", factory="no_such_module_here:Thing", extra="plait[braid]"),
            Component("chunker", "misspelt", factory=f"{module}:Block"),
            Component("chunker", "odd", factory=f"{module}:Sized", config=f"{module}:not_a_model"),
        ),
        name="test-parts",
    )
    return host


@pytest.fixture
def assembly(host: PluginHost) -> Assembly:
    return Assembly(host)
