"""What is registered by hand: all of a plugin or nothing, once; who wins when two offer the same; unknown names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plait.contracts.errors import (
    ApiVersionError,
    DuplicateComponentError,
    PluginError,
    UnknownComponentError,
)
from plait.hooks import Component, PluginHost

Install = Callable[..., None]


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


def test_a_third_party_cannot_shadow_a_built_in(install: Install, offering: Any) -> None:
    install(
        ("aaa-plugin", "first", lambda: offering(_fusion("rrf"), _fusion("mine"))),
        ("plait", "own", lambda: offering(_fusion("rrf"))),
    )
    host = PluginHost.discover()
    assert host.component("fusion", "rrf").distribution == "plait"
    assert host.component("fusion", "mine").distribution == "aaa-plugin"
    [problem] = host.problems
    assert problem.distribution == "aaa-plugin"
    assert "both plait 1.2 and aaa-plugin 1.2 offer the fusion 'rrf'" in problem.cause


def test_two_third_parties_with_one_name_are_both_named_when_it_is_used(install: Install, offering: Any) -> None:
    install(
        ("plait-a", "a", lambda: offering(_fusion("sum"), _fusion("alone"))),
        ("plait-b", "b", lambda: offering(_fusion("sum"))),
    )
    host = PluginHost.discover()
    with pytest.raises(DuplicateComponentError, match=r"both plait-a 1\.2 and plait-b 1\.2 offer the fusion 'sum'"):
        host.component("fusion", "sum")
    assert [registered.name for registered in host.components()] == ["alone"]
    assert [problem.distribution for problem in host.problems] == ["plait-b"]


def test_one_name_may_stand_in_two_kinds(install: Install, offering: Any) -> None:
    install(("plait-a", "a", lambda: offering(_fusion("plain"), Component("ranker", "plain", factory="m:R"))))
    host = PluginHost.discover()
    assert host.component("ranker", "plain").kind == "ranker"
    assert host.problems == ()


@pytest.mark.parametrize(
    ("api", "advice"),
    [
        (">=2", "upgrade Plait"),
        (">=1.2,<2", "upgrade Plait"),
        ("~=1.4", "upgrade Plait"),
        ("==2.*", "upgrade Plait"),
        ("<1", "upgrade the plugin: pip install --upgrade plait-a"),
        (">=0.5,<1", "upgrade the plugin: pip install --upgrade plait-a"),
    ],
)
def test_a_component_for_another_api_is_refused_and_says_what_to_upgrade(
    install: Install, offering: Any, api: str, advice: str
) -> None:
    install(("plait-a", "a", lambda: offering(_fusion("sum", api=api), _fusion("fine"))))
    host = PluginHost.discover()
    assert [registered.name for registered in host.components()] == ["fine"]
    assert advice in host.problems[0].cause
    with pytest.raises(ApiVersionError, match=advice):
        host.component("fusion", "sum")


def test_a_copy_for_another_api_does_not_stand_in_the_way(install: Install, offering: Any) -> None:
    install(
        ("plait-a", "a", lambda: offering(_fusion("sum", api=">=2"))),
        ("plait-b", "b", lambda: offering(_fusion("sum"))),
    )
    assert PluginHost.discover().component("fusion", "sum").distribution == "plait-b"


def test_an_api_that_is_no_specifier_is_reported(install: Install, offering: Any) -> None:
    install(("plait-a", "a", lambda: offering(_fusion("sum", api="one"))))
    assert "api='one' is not a version specifier" in PluginHost.discover().problems[0].cause


def test_an_unknown_name_is_told_the_choices_and_the_nearest(offering: Any) -> None:
    host = PluginHost()
    host.register(offering(_fusion("weighted"), _fusion("rrf")), name="mine")
    with pytest.raises(UnknownComponentError) as caught:
        host.component("fusion", "wieghted")
    assert caught.value.choices == ("rrf", "weighted")
    assert caught.value.fix == "write 'weighted'"


def test_an_unknown_name_is_told_which_plugins_failed(install: Install) -> None:
    def broken() -> None:
        raise ImportError("no libbraid")

    install(("plait-a", "a", broken))
    with pytest.raises(UnknownComponentError, match=r"plait-a, entry point 'a': ImportError: no libbraid"):
        PluginHost.discover().component("fusion", "sum")


@pytest.mark.parametrize("ask", ["components", "component"])
def test_an_unknown_kind_is_told_the_kinds(ask: str) -> None:
    host = PluginHost()
    with pytest.raises(UnknownComponentError, match="write 'retriever'"):
        host.components("retreiver") if ask == "components" else host.component("retreiver", "dense")
