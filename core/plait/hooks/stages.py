"""The stage hooks as a pipeline calls them: typed, chained, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pluggy

from plait.contracts import Answer, GenerationRequest, Hit, IndexView, Query
from plait.hooks.chain import run_chain

__all__ = ["StageHooks"]


class StageHooks:
    """Calls the stage hooks of all plugins of one host; see :mod:`plait.hooks.specs` for what each may do.

    Every method raises :class:`~plait.contracts.errors.PluginError`, naming plugin and hook, when a plugin fails.
    """

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._hook = manager.hook

    def before_retrieve(self, query: Query) -> Query:
        """The question as the plugins want it asked."""
        rewritten: Query = run_chain(self._hook.plait_before_retrieve, {"query": query}, "query", _is_a(Query))
        return rewritten

    def after_retrieve(self, query: Query, hits: Sequence[Hit], view: IndexView) -> list[Hit]:
        """The hits that the plugins leave, in their order."""
        arguments = {"query": query, "hits": list(hits), "view": view}
        return list(run_chain(self._hook.plait_after_retrieve, arguments, "hits", _not_hits))

    def before_generate(self, request: GenerationRequest) -> GenerationRequest:
        """The request as the plugins want it answered."""
        caller = self._hook.plait_before_generate
        rewritten: GenerationRequest = run_chain(caller, {"request": request}, "request", _is_a(GenerationRequest))
        return rewritten

    def after_generate(self, answer: Answer) -> Answer:
        """The answer as the plugins want it shown."""
        rewritten: Answer = run_chain(self._hook.plait_after_generate, {"answer": answer}, "answer", _is_a(Answer))
        return rewritten

    def indexed(self, summary: Mapping[str, Any]) -> None:
        """Tells the plugins about a commit to the index."""
        run_chain(self._hook.plait_indexed, {"summary": summary}, None, lambda _: None)


def _is_a(wanted: type) -> Callable[[Any], str | None]:
    def refuse(value: Any) -> str | None:
        if isinstance(value, wanted):
            return None
        return f"it returned {type(value).__name__}, not {wanted.__name__}"

    return refuse


def _not_hits(value: Any) -> str | None:
    if not isinstance(value, (list, tuple)):
        return f"it returned {type(value).__name__}, not a list of Hit"
    wrong = next((item for item in value if not isinstance(item, Hit)), None)
    return None if wrong is None else f"it returned a list that holds {type(wrong).__name__}, not only Hit"
