"""Takes one plugin in: checks its hooks against the specifications and asks what it offers."""

from __future__ import annotations

from typing import Any

import pluggy

from plait.contracts.errors import PluginError, nearest
from plait.hooks import specs
from plait.hooks.component import Component

__all__ = ["components_of", "register_hooks"]


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
