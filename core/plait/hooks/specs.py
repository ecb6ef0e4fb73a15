"""The hooks a plugin can implement. Each is called once per stage, never per vector or token.

The rewriting hooks form a chain: each plugin sees what the one before it returned, and None leaves it as it is.
Plugins run in pluggy's order: ``tryfirst`` ones, then the latest registered first, then ``trylast`` ones. A
``wrapper=True`` implementation runs around the whole chain, which is the place for timing and tracing. A plugin
that raises stops the question with a :class:`~plait.contracts.errors.PluginError` that names plugin and hook: a
guard that fails must not be skipped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pluggy

from plait.contracts import Answer, GenerationRequest, Hit, IndexView, Query
from plait.hooks.component import Component

__all__ = [
    "plait_after_generate",
    "plait_after_retrieve",
    "plait_before_generate",
    "plait_before_retrieve",
    "plait_components",
    "plait_indexed",
    "plait_steering",
]

PROJECT = "plait"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""What plugin authors mark their functions with, imported from :mod:`plait.hooks`."""


@hookspec
def plait_components() -> Iterable[Component]:
    """What the plugin offers. Called once, when the plugin is loaded; must not import anything heavy.

    Example:
        >>> from plait.hooks import PluginHost, hookimpl
        >>> class Plugin:
        ...     @hookimpl
        ...     def plait_components(self):
        ...         return [Component("fusion", "longest", factory="my_plugin.longest:Longest")]
        >>> host = PluginHost()
        >>> host.register(Plugin(), name="my-plugin")
        >>> print(host.component("fusion", "longest"))
        fusion 'longest' (my-plugin)
    """
    raise NotImplementedError  # pluggy calls implementations, never the specification


@hookspec
def plait_before_retrieve(query: Query) -> Query | None:
    """Rewrites the question before any retriever sees it, or leaves it (None).

    Example:
        >>> from dataclasses import replace
        >>> from plait.hooks import PluginHost, hookimpl
        >>> class Spell:
        ...     @hookimpl
        ...     def plait_before_retrieve(self, query):
        ...         return replace(query, text=query.text.replace("retreival", "retrieval"))
        >>> host = PluginHost()
        >>> host.register(Spell(), name="spell")
        >>> host.hook.before_retrieve(Query("dense retreival")).text
        'dense retrieval'
    """
    raise NotImplementedError


@hookspec
def plait_after_retrieve(query: Query, hits: Sequence[Hit], view: IndexView) -> Sequence[Hit] | None:
    """Filters or reorders the hits after fusion and ranking, or leaves them (None). ``view`` opens what they name.

    Example:
        >>> from plait.hooks import PluginHost, hookimpl
        >>> from plait.testing import memory_view, sample_documents
        >>> class Recent:
        ...     @hookimpl
        ...     def plait_after_retrieve(self, hits, view):
        ...         return [hit for hit in hits if view.metadata(hit.document_id).get("year", 0) >= 2020]
        >>> host = PluginHost()
        >>> host.register(Recent(), name="recent")
        >>> view = memory_view(sample_documents())
        >>> hits = [Hit(id, id.split("#")[0], 1.0, row) for row, id in enumerate(view.passage_ids)]
        >>> kept = host.hook.after_retrieve(Query("anything"), hits, view)
        >>> 0 < len(kept) < len(hits)
        True
    """
    raise NotImplementedError


@hookspec
def plait_before_generate(request: GenerationRequest) -> GenerationRequest | None:
    """Rewrites what the generator is about to read, or leaves it (None).

    Example:
        >>> from dataclasses import replace
        >>> from plait.hooks import PluginHost, hookimpl
        >>> class Brief:
        ...     @hookimpl
        ...     def plait_before_generate(self, request):
        ...         return replace(request, max_tokens=min(request.max_tokens, 64))
        >>> host = PluginHost()
        >>> host.register(Brief(), name="brief")
        >>> host.hook.before_generate(GenerationRequest(Query("Why?"), (), ())).max_tokens
        64
    """
    raise NotImplementedError


@hookspec
def plait_after_generate(answer: Answer) -> Answer | None:
    """Changes the finished answer, or leaves it (None). Its citations have been checked by then.

    Example:
        >>> from dataclasses import replace
        >>> from plait.hooks import PluginHost, hookimpl
        >>> class Cautious:
        ...     @hookimpl
        ...     def plait_after_generate(self, answer):
        ...         if answer.unsupported:
        ...             return replace(answer, text=f"(partly unsupported) {answer.text}")
        >>> host = PluginHost()
        >>> host.register(Cautious(), name="cautious")
        >>> from plait.contracts import Sentence
        >>> host.hook.after_generate(Answer("Why?", "Because.", (Sentence("Because."),))).text
        '(partly unsupported) Because.'
    """
    raise NotImplementedError


@hookspec
def plait_indexed(summary: Mapping[str, Any]) -> None:
    """Told once after each commit to the index. ``summary`` (JSON values) says what was added and removed.

    Example:
        >>> from plait.hooks import PluginHost, hookimpl
        >>> class Announce:
        ...     @hookimpl
        ...     def plait_indexed(self, summary):
        ...         print(f"commit {summary['commit']}: {summary['added']} added")
        >>> host = PluginHost()
        >>> host.register(Announce(), name="announce")
        >>> host.hook.indexed({"commit": 3, "added": 12})
        commit 3: 12 added
    """
    raise NotImplementedError


@hookspec
def plait_steering(texts: Sequence[str]) -> Sequence[Sequence[tuple[int, int]]] | None:
    """Which parts of retrieved texts are no statements, but give orders to whoever answers from them.

    Called once for all passages of a question that the index's snapshot has not shown before, with their titles and
    headings; the spans of all plugins count together. What they mark is quoted nowhere, helps no question past the
    gate and supports no sentence. It stays in the prompt, where it is fenced off as quoted material.

    Args:
        texts: passages, titles and headings.

    Returns:
        For each text the (start, end) of each part, end excluded; None for nothing in any.

    Example:
        >>> from plait.hooks import PluginHost, hookimpl
        >>> class Adverts:
        ...     @hookimpl
        ...     def plait_steering(self, texts):
        ...         return [[(0, len(text))] if "Buy now" in text else [] for text in texts]
        >>> host = PluginHost()
        >>> host.register(Adverts(), name="adverts")
        >>> host.hook.steering(["Buy now!", "Three strands hold."])
        [((0, 8),), ()]
    """
    raise NotImplementedError
