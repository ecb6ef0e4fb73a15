"""Finds the installed plugins by entry point, decides which may load, and takes one in: its hooks, its components."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from plait.contracts.errors import PluginError, nearest
from plait.hooks import specs
from plait.hooks.component import BUILT_IN, Component, Problem

__all__ = [
    "ALLOW_VARIABLE",
    "allowed_by_environment",
    "components_of",
    "distribution_of",
    "find_entry_points",
    "register_hooks",
]

ALLOW_VARIABLE = "PLAIT_PLUGINS"


def allowed_by_environment(environment: Mapping[str, str] = os.environ) -> list[str] | None:
    """The allow-list in the environment variable ``PLAIT_PLUGINS``; None when it is not set.

    Names stand between commas. A variable that is set but empty allows no third party.

    Example:
        >>> allowed_by_environment({"PLAIT_PLUGINS": "plait-ocr, title-match"})
        ['plait-ocr', 'title-match']
        >>> allowed_by_environment({"PLAIT_PLUGINS": ""})
        []
    """
    value = environment.get(ALLOW_VARIABLE)
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


def find_entry_points(third_party: bool, allow: Collection[str] | None) -> tuple[list[EntryPoint], list[Problem]]:
    """The entry points that may load, Plait's own first, then by distribution and name; and what looks wrong.

    Args:
        third_party: whether distributions other than Plait may load at all.
        allow: distribution or entry point names of the third parties that may; None allows all.
    """
    every = sorted(entry_points(group=specs.PROJECT), key=_order)
    if not third_party:
        return [point for point in every if _built_in(point)], []
    if allow is None:
        return every, []
    wanted = {_canonical(name) for name in allow}
    kept = [point for point in every if _built_in(point) or _names(point) & wanted]
    known = {name for point in every if not _built_in(point) for name in _names(point)}
    return kept, [_unknown(name, sorted(known)) for name in sorted(set(allow)) if _canonical(name) not in known]


def distribution_of(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution that an entry point belongs to."""
    return (point.dist.name, point.dist.version) if point.dist else ("an unnamed distribution", "")


def register_hooks(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    """Registers the hook implementations of ``plugin``; all of them or, on an error, none.

    Raises:
        PluginError: the plugin implements no hook, or one that does not exist, or with wrong arguments.
    """
    if manager.is_registered(plugin) or manager.has_plugin(name):
        raise PluginError("it is registered already", where=f"plugin {name!r}", fix="register it once")
    try:
        manager.register(plugin, name=name)
        _check_hooks(manager, plugin, name)
    except BaseException as error:
        if manager.get_plugin(name) is not None:
            manager.unregister(name=name)
        if isinstance(error, pluggy.PluginValidationError):
            message = " ".join(str(error).split())
            raise PluginError(message, where=f"plugin {name!r}", fix="compare it with plait.hooks.specs") from error
        raise


def components_of(manager: pluggy.PluginManager, plugin: object) -> list[Component]:
    """What ``plugin`` offers; empty when it only has stage hooks.

    Raises:
        PluginError: it returned something else than components, or one twice.
        Exception: whatever its hook raised.
    """
    where = f"plugin {manager.get_name(plugin)!r}, hook plait_components"
    for implementation in manager.hook.plait_components.get_hookimpls():
        if implementation.plugin is not plugin:
            continue
        returned: Any = implementation.function()
        if isinstance(returned, Component):
            raise PluginError("it returned one Component", where=where, fix="return a list: [Component(...)]")
        try:
            declared: list[Component] = list(returned)
        except TypeError:
            raise PluginError(
                f"it returned {type(returned).__name__}, not a list of Component", where=where, fix="return a list"
            ) from None
        seen: set[tuple[str, str]] = set()
        for component in declared:
            if not isinstance(component, Component):
                raise PluginError(
                    f"it returned a list that holds {type(component).__name__}, not only Component",
                    where=where,
                    fix="return [Component(...), ...]",
                )
            key = (component.kind, component.name)
            if key in seen:
                raise PluginError(f"it offers the {key[0]} {key[1]!r} twice", where=where, fix="rename one of the two")
            seen.add(key)
        return declared
    return []


def _built_in(point: EntryPoint) -> bool:
    return _canonical(distribution_of(point)[0]) == BUILT_IN


def _order(point: EntryPoint) -> tuple[bool, str, str]:
    return not _built_in(point), _canonical(distribution_of(point)[0]), point.name


def _names(point: EntryPoint) -> set[str]:
    return {_canonical(distribution_of(point)[0]), _canonical(point.name)}


def _canonical(name: str) -> str:
    """A distribution name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _unknown(name: str, known: Sequence[str]) -> Problem:
    likely = nearest(name, known)
    hint = f"; did you mean {likely!r}?" if likely else f"; installed: {', '.join(known) or 'none'}"
    return Problem(name, "", f"the allow-list names it, but no such plugin is installed{hint}")


def _check_hooks(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    callers = manager.get_hookcallers(plugin) or []
    if not callers:
        raise PluginError(
            "it implements no hook", where=f"plugin {name!r}", choices=specs.__all__, fix="mark a function @hookimpl"
        )
    for caller in callers:
        if not caller.has_spec():
            likely = nearest(caller.name, specs.__all__)
            raise PluginError(
                f"there is no hook {caller.name!r}",
                where=f"plugin {name!r}",
                choices=specs.__all__,
                fix=f"rename it {likely!r}" if likely else "remove it",
            )
        for implementation in caller.get_hookimpls():
            old_style = implementation.hookwrapper or (implementation.wrapper and caller.name == "plait_components")
            if implementation.plugin is plugin and old_style:
                fix = "write @hookimpl(wrapper=True)" if implementation.hookwrapper else "return the components instead"
                raise PluginError(f"{caller.name} cannot be wrapped this way", where=f"plugin {name!r}", fix=fix)
