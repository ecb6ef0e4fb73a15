"""What is registered by hand: all of a plugin or nothing, once, and it can be taken out again."""

from __future__ import annotations

from typing import Any

import pytest

from plait.contracts.errors import (
    ApiVersionError,
    DuplicateComponentError,
    PluginError,
)
from plait.hooks import Component, PluginHost


def _fusion(name: str, **more: Any) -> Component:
    return Component("fusion", name, factory="m:F", **more)


def test_registering_a_clash_raises_and_leaves_nothing(offering: Any) -> None:
    host = PluginHost()
    host.register(offering(_fusion("sum")), name="first")
    with pytest.raises(DuplicateComponentError, match="both first and second"):
        host.register(offering(_fusion("sum"), _fusion("other")), name="second")
    assert [str(registered) for registered in host.components()] == ["fusion 'sum' (first)"]
    host.register(offering(_fusion("other")), name="second")


def test_registering_for_another_api_raises(offering: Any) -> None:
    with pytest.raises(ApiVersionError):
        PluginHost().register(offering(_fusion("sum", api=">=9")), name="mine")


def test_a_name_is_registered_once(offering: Any) -> None:
    host = PluginHost()
    host.register(offering(), name="mine")
    with pytest.raises(PluginError, match="registered already"):
        host.register(offering(), name="mine")


def test_nobody_registers_as_plait_itself(offering: Any) -> None:
    with pytest.raises(PluginError, match="belongs to Plait"):
        PluginHost().register(offering(), name="plait")


def test_a_plugin_can_be_taken_out_again(offering: Any) -> None:
    host = PluginHost()
    host.register(offering(_fusion("sum")), name="mine")
    host.unregister("mine")
    assert host.components() == []
    with pytest.raises(PluginError, match="no such plugin"):
        host.unregister("mine")


def test_components_are_listed_by_kind_and_name(offering: Any) -> None:
    host = PluginHost()
    declared = [_fusion("b"), _fusion("a"), Component("reader", "z", factory="m:Z")]
    host.register(offering(*declared), name="mine")
    assert [registered.name for registered in host.components()] == ["z", "a", "b"]
    assert [registered.name for registered in host.components("fusion")] == ["a", "b"]


def test_two_hosts_know_nothing_of_each_other(offering: Any) -> None:
    first, second = PluginHost(), PluginHost()
    first.register(offering(_fusion("sum")), name="mine")
    assert second.components() == []
