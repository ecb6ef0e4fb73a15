"""Plugins are found one by one, and a broken one disturbs no other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from plait.contracts import Query
from plait.contracts.errors import PluginError
from plait.hooks import Component, PluginHost, hookimpl

Install = Callable[..., None]


def _raise(error: BaseException) -> Callable[[], Any]:
    def loader() -> Any:
        raise error

    return loader


class Panic(BaseException):
    """What a Rust extension raises when it panics: no Exception."""


def _fusion(name: str, **more: Any) -> Component:
    return Component("fusion", name, factory="m:F", **more)


@pytest.mark.parametrize(
    "error",
    [
        ImportError("no libbraid"),
        SystemExit(3),
        ValueError("bad"),
        SyntaxError("bad"),
        Panic("panicked"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_plugin_that_fails_to_import_is_reported_and_the_rest_goes_on(
    install: Install, offering: Any, error: BaseException
) -> None:
    install(("plait-a", "bad", _raise(error)), ("plait-b", "good", lambda: offering(_fusion("good"))))
    host = PluginHost.discover()
    assert [registered.name for registered in host.components()] == ["good"]
    [problem] = host.problems
    assert (problem.distribution, problem.entry_point) == ("plait-a", "bad")
    assert type(error).__name__ in problem.cause
    assert str(error) in problem.cause
    assert problem.error is error


def test_an_interrupt_of_the_user_is_no_problem_of_a_plugin(install: Install) -> None:
    install(("plait-a", "bad", _raise(KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        PluginHost.discover()


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "it returned NoneType"),
        ([object()], "holds object"),
        (_fusion("one"), "it returned one Component"),
        ([_fusion("two"), _fusion("two")], "offers the fusion 'two' twice"),
        (7, "it returned int"),
    ],
)
def test_a_plugin_that_offers_something_else_is_reported(install: Install, returned: Any, said: str) -> None:
    class Plugin:
        @hookimpl
        def plait_components(self) -> Any:
            return returned

    install(("plait-a", "bad", Plugin))
    host = PluginHost.discover()
    assert host.components() == []
    assert said in host.problems[0].cause


def test_a_plugin_whose_hook_raises_leaves_nothing_behind(install: Install) -> None:
    class Plugin:
        @hookimpl
        def plait_components(self) -> Any:
            raise SystemExit("no licence")

        @hookimpl
        def plait_indexed(self) -> None:
            raise AssertionError("a refused plugin was called")

    install(("plait-a", "bad", Plugin))
    host = PluginHost.discover()
    assert host.problems[0].cause == "SystemExit: no licence"
    host.hook.indexed({})


def test_a_declaration_that_breaks_a_rule_is_reported_in_its_own_words(install: Install) -> None:
    class Plugin:
        @hookimpl
        def plait_components(self) -> Any:
            return [Component("retreiver", "x", factory="m:X")]  # type: ignore[arg-type] # the mistake under test

    install(("plait-a", "bad", Plugin))
    assert "there is no kind 'retreiver'" in PluginHost.discover().problems[0].cause


def test_a_misspelt_hook_is_reported_with_the_right_name(install: Install) -> None:
    class Plugin:
        @hookimpl
        def plait_componets(self) -> Any:
            return []

    install(("plait-a", "bad", Plugin))
    assert "rename it 'plait_components'" in PluginHost.discover().problems[0].cause


def test_a_hook_with_a_wrong_argument_is_reported(install: Install) -> None:
    class Plugin:
        @hookimpl
        def plait_before_retrieve(self, question: Any) -> Any:
            return question

    install(("plait-a", "bad", Plugin))
    assert "question" in PluginHost.discover().problems[0].cause


def test_a_module_without_hooks_is_reported(install: Install) -> None:
    install(("plait-a", "bad", object))
    assert "implements no hook" in PluginHost.discover().problems[0].cause


def test_third_parties_can_be_left_out(install: Install, offering: Any) -> None:
    install(("plait", "own", lambda: offering(_fusion("own"))), ("plait-a", "a", lambda: offering(_fusion("a"))))
    assert [registered.name for registered in PluginHost.discover(third_party=False).components()] == ["own"]


@pytest.mark.parametrize("allowed", ["plait-a", "PLAIT_A", "first", "plait-a,nobody"])
def test_the_environment_names_the_third_parties_that_may_load(
    install: Install, offering: Any, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    install(
        ("plait", "own", lambda: offering(_fusion("own"))),
        ("plait-a", "first", lambda: offering(_fusion("a"))),
        ("plait-b", "second", _raise(AssertionError("it was imported all the same"))),
    )
    monkeypatch.setenv("PLAIT_PLUGINS", allowed)
    host = PluginHost.discover()
    assert [registered.name for registered in host.components()] == ["a", "own"]
    assert [problem.distribution for problem in host.problems] == (["nobody"] if "nobody" in allowed else [])


def test_an_argument_overrides_the_environment(
    install: Install, offering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(("plait-a", "a", lambda: offering(_fusion("a"))), ("plait-b", "b", lambda: offering(_fusion("b"))))
    monkeypatch.setenv("PLAIT_PLUGINS", "plait-a")
    assert [registered.name for registered in PluginHost.discover(allow=["plait-b"]).components()] == ["b"]


def test_components_cannot_be_wrapped_and_old_wrappers_are_refused() -> None:
    class Wraps:
        @hookimpl(wrapper=True)
        def plait_components(self) -> Generator[None, Any, Any]:
            return (yield)

    class Old:
        @hookimpl(hookwrapper=True)
        def plait_before_retrieve(self, query: Query) -> Generator[None, Any, None]:
            yield

    for plugin in (Wraps(), Old()):
        with pytest.raises(PluginError, match="cannot be wrapped this way"):
            PluginHost().register(plugin, name="plugin-0")
