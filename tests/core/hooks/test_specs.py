"""One test for each hook, named after it, and how several plugins share one."""

from __future__ import annotations

import doctest
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from plait.contracts import Answer, GenerationRequest, Hit, IndexView, Query
from plait.contracts.errors import PluginError, QueryError
from plait.hooks import Component, PluginHost, hookimpl, specs
from plait.testing import memory_view, sample_documents


class Suffix:
    """Appends a word to the question."""

    def __init__(self, word: str) -> None:
        self.word = word

    @hookimpl
    def plait_before_retrieve(self, query: Query) -> Query:
        return replace(query, text=f"{query.text} {self.word}")


def _host(*plugins: object) -> PluginHost:
    host = PluginHost()
    for number, plugin in enumerate(plugins):
        host.register(plugin, name=f"plugin-{number}")
    return host


def test_every_hook_has_a_test_of_its_name_and_an_example() -> None:
    for name in specs.__all__:
        assert f"test_{name}" in globals()
        assert doctest.DocTestParser().get_examples(getattr(specs, name).__doc__)


def test_plait_components() -> None:
    class Plugin:
        @hookimpl
        def plait_components(self) -> Sequence[Component]:
            return (Component("ranker", "newest", factory="m:Newest"),)

    assert [str(registered) for registered in _host(Plugin()).components()] == ["ranker 'newest' (plugin-0)"]


def test_plait_before_retrieve() -> None:
    """Each plugin sees what the one before it returned; the latest registered runs first."""
    host = _host(Suffix("a"), Suffix("b"))
    assert host.hook.before_retrieve(Query("q")).text == "q b a"


def test_plait_after_retrieve() -> None:
    class TopTwo:
        @hookimpl
        def plait_after_retrieve(self, hits: Sequence[Hit]) -> Sequence[Hit]:
            return tuple(hits[:2])

    class Titles:
        @hookimpl
        def plait_after_retrieve(self, query: Query, hits: Sequence[Hit], view: IndexView) -> list[Hit]:
            return [hit for hit in hits if query.text in view.title(hit.document_id)]

    view = memory_view(sample_documents())
    hits = [Hit(name, view.passage(row).document_id, 1.0, row) for row, name in enumerate(view.passage_ids)]
    kept = _host(TopTwo(), Titles()).hook.after_retrieve(Query("Dense"), hits, view)
    assert [hit.passage_id for hit in kept] == ["dense#0", "dense#1"]
    assert len(hits) == len(view)  # the caller's list is not touched


def test_plait_before_generate() -> None:
    class Brief:
        @hookimpl
        def plait_before_generate(self, request: GenerationRequest) -> GenerationRequest:
            return replace(request, max_tokens=16)

    assert _host(Brief()).hook.before_generate(GenerationRequest(Query("q"), (), ())).max_tokens == 16


def test_plait_after_generate() -> None:
    class Shout:
        @hookimpl
        def plait_after_generate(self, answer: Answer) -> Answer:
            return replace(answer, text=answer.text.upper())

    assert _host(Shout()).hook.after_generate(Answer("q", "yes")).text == "YES"


def test_plait_indexed() -> None:
    class Watch:
        def __init__(self) -> None:
            self.seen: list[Any] = []

        @hookimpl
        def plait_indexed(self, summary: Any) -> str:
            self.seen.append(summary)
            return "ignored"

    first, second = Watch(), Watch()
    _host(first, second).hook.indexed({"commit": 1})
    assert first.seen == second.seen == [{"commit": 1}]


def test_none_leaves_things_as_they_are() -> None:
    class Silent:
        @hookimpl
        def plait_before_retrieve(self, query: Query) -> None:
            return None

    query = Query("q")
    assert _host(Silent(), Suffix("a"), Silent()).hook.before_retrieve(query).text == "q a"
    assert _host(Silent()).hook.before_retrieve(query) is query
    assert _host().hook.before_retrieve(query) is query


def test_tryfirst_and_trylast_order_the_chain() -> None:
    class First(Suffix):
        @hookimpl(tryfirst=True)
        def plait_before_retrieve(self, query: Query) -> Query:
            return replace(query, text=f"{query.text} first")

    class Last(Suffix):
        @hookimpl(trylast=True)
        def plait_before_retrieve(self, query: Query) -> Query:
            return replace(query, text=f"{query.text} last")

    host = _host(First(""), Suffix("a"), Last(""))
    assert host.hook.before_retrieve(Query("q")).text == "q first a last"


@pytest.mark.parametrize("error", [ValueError("broke"), QueryError("not allowed"), SystemExit("bye")])
def test_a_plugin_that_raises_stops_the_stage_and_is_named(error: BaseException) -> None:
    class Guard:
        @hookimpl
        def plait_before_retrieve(self, query: Query) -> Query:
            raise error

    with pytest.raises(PluginError) as caught:
        _host(Suffix("a"), Guard()).hook.before_retrieve(Query("q"))
    assert caught.value.where == "plugin 'plugin-1', hook plait_before_retrieve"
    assert f"{type(error).__name__}: {error}".rstrip(".") in str(caught.value)
    assert caught.value.__cause__ is error


def test_a_wrong_return_is_refused_and_named() -> None:
    class Wrong:
        @hookimpl
        def plait_before_retrieve(self, query: Query) -> str:
            return query.text

        @hookimpl
        def plait_after_retrieve(self, hits: Sequence[Hit]) -> list[str]:
            return [hit.passage_id for hit in hits]

    host = _host(Wrong())
    with pytest.raises(PluginError, match="it returned str, not Query"):
        host.hook.before_retrieve(Query("q"))
    view = memory_view(sample_documents())
    with pytest.raises(PluginError, match="holds str, not only Hit"):
        host.hook.after_retrieve(Query("q"), [Hit("bm25#0", "bm25", 1.0, 0)], view)


class Around:
    """A tracing wrapper."""

    def __init__(self) -> None:
        self.log: list[str] = []

    @hookimpl(wrapper=True)
    def plait_before_retrieve(self, query: Query) -> Generator[None, Query, Query]:
        self.log.append(f"before {query.text}")
        try:
            result = yield
        except PluginError as error:
            self.log.append(f"failed {error.where}")
            raise
        self.log.append(f"after {result.text}")
        return result


def test_a_wrapper_runs_around_the_whole_chain() -> None:
    around = Around()
    assert _host(Suffix("a"), around, Suffix("b")).hook.before_retrieve(Query("q")).text == "q b a"
    assert around.log == ["before q", "after q b a"]


def test_a_wrapper_hears_of_a_failure_and_lets_it_pass() -> None:
    class Guard:
        @hookimpl
        def plait_before_retrieve(self, query: Query) -> Query:
            raise ValueError("broke")

    around, outer = Around(), Around()
    with pytest.raises(PluginError, match="plugin-0"):
        _host(Guard(), around, outer).hook.before_retrieve(Query("q"))
    assert around.log[-1] == outer.log[-1] == "failed plugin 'plugin-0', hook plait_before_retrieve"


@pytest.mark.parametrize("fault", ["raises", "swallows", "twice", "returns nothing"])
def test_a_wrapper_that_breaks_the_rules_is_named(fault: str) -> None:
    class Faulty:
        @hookimpl(wrapper=True)
        def plait_before_retrieve(self, query: Query) -> Generator[None, Query, Query | None]:
            if fault == "raises":
                raise ValueError("broke")
            if fault == "swallows":
                try:
                    yield
                except PluginError:
                    return None
            result = yield
            if fault == "twice":
                yield
            return None if fault == "returns nothing" else result

    class Guard:
        @hookimpl
        def plait_before_retrieve(self, query: Query) -> None:
            if fault == "swallows":
                raise ValueError("not to be skipped")

    with pytest.raises(PluginError, match="plugin 'plugin-1', hook plait_before_retrieve"):
        _host(Guard(), Faulty()).hook.before_retrieve(Query("q"))


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
            _host(plugin)
