"""The stage hooks as a pipeline calls them: typed, chained over all plugins with wrappers around, checked.

What else a component raises without meaning to is given its name by :func:`plugin_errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from pluggy import HookCaller, HookImpl, PluginManager

from plait.contracts import Answer, GenerationRequest, Hit, IndexView, Query
from plait.contracts.errors import PlaitError, PluginError

__all__ = ["StageHooks", "plugin_errors"]

_Refuse = Callable[[Any], str | None]
"""Says what is wrong with a value that a hook returned; None when nothing is."""
_Join = Callable[[Any, Any], Any]


class StageHooks:
    """Calls the stage hooks of all plugins of one host; see :mod:`plait.hooks.specs` for what each may do.

    Every method raises :class:`~plait.contracts.errors.PluginError`, naming plugin and hook, when a plugin fails.
    """

    def __init__(self, manager: PluginManager) -> None:
        self._hook = manager.hook

    def before_retrieve(self, query: Query) -> Query:
        """The question as the plugins want it asked."""
        rewritten: Query = _run_chain(self._hook.plait_before_retrieve, {"query": query}, "query", _is_a(Query))
        return rewritten

    def after_retrieve(self, query: Query, hits: Sequence[Hit], view: IndexView) -> list[Hit]:
        """The hits that the plugins leave, in their order."""
        arguments = {"query": query, "hits": list(hits), "view": view}
        return list(_run_chain(self._hook.plait_after_retrieve, arguments, "hits", _not_hits))

    def before_generate(self, request: GenerationRequest) -> GenerationRequest:
        """The request as the plugins want it answered."""
        caller = self._hook.plait_before_generate
        rewritten: GenerationRequest = _run_chain(caller, {"request": request}, "request", _is_a(GenerationRequest))
        return rewritten

    def after_generate(self, answer: Answer) -> Answer:
        """The answer as the plugins want it shown."""
        rewritten: Answer = _run_chain(self._hook.plait_after_generate, {"answer": answer}, "answer", _is_a(Answer))
        return rewritten

    def indexed(self, summary: Mapping[str, Any]) -> None:
        """Tells the plugins about a commit to the index."""
        _run_chain(self._hook.plait_indexed, {"summary": summary}, None, lambda _: None)

    def steering(self, texts: Sequence[str]) -> list[tuple[tuple[int, int], ...]]:
        """What in each text steers its reader, as all plugins together say, in order."""
        arguments = {"texts": list(texts), "spans": [() for _ in texts]}
        caller = self._hook.plait_steering
        found = _run_chain(caller, arguments, "spans", partial(_not_spans, texts=texts), _spans_of_both)
        return [tuple(sorted({(int(start), int(end)) for start, end in spans})) for spans in found]


@contextmanager
def plugin_errors(who: str) -> Iterator[None]:
    """Lets Plait's own errors pass; anything else a component raises becomes a PluginError that says who.

    Example:
        >>> with plugin_errors("chunker 'mine'"):
        ...     raise ValueError("no words")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.PluginError: chunker 'mine' failed (ValueError: no words). Fix: report this to its \
authors, or take it out of the pipeline.
    """
    try:
        yield
    except PlaitError:
        raise
    except Exception as error:
        raise PluginError(
            f"{who} failed ({type(error).__name__}: {error})",
            fix="report this to its authors, or take it out of the pipeline",
        ) from error


def _spans_of_both(before: Sequence[Any], returned: Sequence[Any]) -> list[Any]:
    return [(*spans, *more) for spans, more in zip(before, returned, strict=True)]


def _not_spans(value: Any, texts: Sequence[str]) -> str | None:
    if not isinstance(value, (list, tuple)) or len(value) != len(texts):
        return f"it did not return one list of spans for each of {len(texts)} texts"
    for text, spans in zip(texts, value, strict=True):
        for span in spans:
            if len(span) != 2 or not 0 <= span[0] < span[1] <= len(text):
                return f"it returned the span {span!r} for a text of {len(text)} characters"
    return None


def _is_a(wanted: type) -> _Refuse:
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


def _run_chain(
    caller: HookCaller,
    arguments: Mapping[str, Any],
    subject: str | None,
    refuse: _Refuse,
    join: _Join = lambda _before, returned: returned,
) -> Any:
    """Calls every implementation of a hook in pluggy's order; each sees what the one before it returned.

    Args:
        caller: the hook.
        arguments: what it is called with.
        subject: the argument that implementations may replace; None when they only observe.
        refuse: checks what they return.
        join: makes the new subject of the old one and of what an implementation returned.

    Returns:
        The subject as the last implementation left it; None when there is no subject.

    Raises:
        PluginError: an implementation raised, or returned something else than the hook asks for.
    """
    every = caller.get_hookimpls()  # pluggy keeps them in reverse order of calling
    inner = [impl for impl in reversed(every) if not impl.wrapper]
    wrappers = [impl for impl in reversed(every) if impl.wrapper]
    return _around(caller.name, wrappers, inner, dict(arguments), subject, refuse, join)


def _around(
    hook: str,
    wrappers: Sequence[HookImpl],
    inner: Sequence[HookImpl],
    arguments: dict[str, Any],
    subject: str | None,
    refuse: _Refuse,
    join: _Join,
) -> Any:
    if not wrappers:
        for impl in inner:
            try:
                returned = impl.function(*(arguments[name] for name in impl.argnames))
            except (Exception, SystemExit) as error:
                _raised(hook, impl, error)
            if subject is not None and returned is not None:
                arguments[subject] = join(arguments[subject], _accepted(hook, impl, returned, refuse))
        return None if subject is None else arguments[subject]
    wrapper, *others = wrappers
    running: Any = None  # the generator of a wrapper: pluggy has checked that it is one
    try:
        running = wrapper.function(*(arguments[name] for name in wrapper.argnames))
        next(running)
    except (Exception, SystemExit) as error:
        _raised(hook, wrapper, error)
    try:
        result = _around(hook, others, inner, arguments, subject, refuse, join)
    except BaseException as error:
        returned = _resume(hook, wrapper, partial(running.throw, error), passing=error)
    else:
        returned = _resume(hook, wrapper, partial(running.send, result), passing=None)
    return None if subject is None else _accepted(hook, wrapper, returned, refuse)


def _resume(hook: str, wrapper: HookImpl, step: Callable[[], None], passing: BaseException | None) -> Any:
    """Lets a wrapper run to its end; the error that it was told of may pass through it unchanged."""
    try:
        step()
    except StopIteration as end:
        return end.value
    except BaseException as error:
        if error is passing or not isinstance(error, (Exception, SystemExit)):
            raise
        _raised(hook, wrapper, error)
    raise PluginError("it yielded twice", where=_where(hook, wrapper), fix="yield exactly once in a wrapper")


def _accepted(hook: str, impl: HookImpl, returned: Any, refuse: _Refuse) -> Any:
    complaint = refuse(returned)
    if complaint:
        fix = "return the result of the yield" if impl.wrapper else "return None to leave things as they are"
        raise PluginError(complaint, where=_where(hook, impl), fix=fix)
    return returned


def _raised(hook: str, impl: HookImpl, error: BaseException) -> NoReturn:
    message = f"it raised {type(error).__name__}: {error}".rstrip(": ")
    fix = "correct the plugin, or run without it: set PLAIT_PLUGINS to the plugins you want"
    raise PluginError(message, where=_where(hook, impl), fix=fix) from error


def _where(hook: str, impl: HookImpl) -> str:
    return f"plugin {impl.plugin_name!r}, hook {hook}"
