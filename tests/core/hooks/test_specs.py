"""One test for each hook, named after it."""

from __future__ import annotations

import doctest
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from plait.contracts import Answer, GenerationRequest, Hit, IndexView, Query
from plait.contracts.errors import PluginError
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


def test_plait_steering() -> None:
    """What several plugins find counts together, and what no text has is refused."""

    class Marks:
        def __init__(self, *spans: tuple[int, int]) -> None:
            self.spans = spans

        @hookimpl
        def plait_steering(self, texts: Sequence[str]) -> list[Any]:
            return [list(self.spans) for _ in texts]

    class Silent:
        @hookimpl
        def plait_steering(self) -> None:
            return None

    assert _host(Marks((0, 2)), Silent(), Marks((1, 4), (0, 2))).hook.steering(["four"]) == [((0, 2), (1, 4))]
    assert _host().hook.steering(["four", "five"]) == [(), ()]
    with pytest.raises(PluginError, match=r"plait_steering.*span \(2, 9\) for a text of 4 characters"):
        _host(Marks((2, 9))).hook.steering(["four"])


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
