"""Several plugins share one hook: a chain in pluggy's order, with wrappers around the whole."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import pytest

from plait.contracts import Hit, Query
from plait.contracts.errors import PluginError, QueryError
from plait.hooks import PluginHost, hookimpl
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
