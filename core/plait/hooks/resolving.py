"""Resolves what components and pipelines name: import strings, late, and settings by the light config module."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from plait.config import Settings, Use, combine, explain
from plait.config.extras import missing
from plait.contracts.errors import PlaitError, PluginError, nearest
from plait.hooks.component import Kind, Registered

__all__ = ["as_uses", "component_settings", "import_attribute"]


class NoSettings(Settings):
    """The settings of a component that has none."""


class Lookup(Protocol):
    """Whoever knows the components."""

    def component(self, kind: str, name: str) -> Registered:
        """The component of that kind and name."""
        ...


def component_settings(host: Lookup, kind: str, use: Use, above: tuple[str, ...] = ()) -> BaseModel:
    """The validated settings of ``use``, its parts checked too.

    Args:
        host: where components are looked up.
        kind: the component's kind.
        use: its name and settings.
        above: the components this one is a part of, outermost first.

    Raises:
        PluginError: a component is unknown or cannot be used, or is a part of itself.
        ConfigError: a setting is unknown or has a wrong value; several findings come in one error.
    """
    registered = host.component(kind, use.name)
    if str(registered) in above:
        circle = " -> ".join((*above, str(registered)))
        raise PluginError(f"it is a part of itself: {circle}", where=str(registered), fix="name another part")
    model = _config_model(registered)
    try:
        settings = model.model_validate(use.settings)
    except ValidationError as error:
        raise explain(error, model, str(registered)) from error
    findings: list[PlaitError] = []
    for part_kind, part in _uses_of_parts(registered, settings):
        try:
            component_settings(host, part_kind, part, (*above, str(registered)))
        except PlaitError as error:
            findings.append(error)
    if len(findings) == 1:
        raise findings[0]
    if findings:
        raise combine(findings, str(registered))
    return settings


def _uses_of_parts(registered: Registered, settings: BaseModel) -> Iterator[tuple[Kind, Use]]:
    """The components that ``settings`` name as parts."""
    for field, kind in registered.component.parts.items():
        for part in as_uses(registered, field, getattr(settings, field, ...)):
            yield kind, part


def as_uses(registered: Registered, field: str, value: Any) -> tuple[Use, ...]:
    """What a part's field holds, as uses.

    Raises:
        PluginError: it is neither a use, nor several, nor None: the plugin declared it wrongly.
    """
    held = () if value is None else tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not all(isinstance(part, Use) for part in held):
        raise PluginError(
            f"it declares the part {field!r}, but its settings hold no use(...) there",
            where=str(registered),
            fix=f"give its Config a field: {field}: Use = use('name')",
        )
    return held


def import_attribute(path: str, owner: Registered) -> Any:
    """What ``"module:name"`` stands for.

    Raises:
        MissingDependencyError: a module it imports is not installed; the fix is the pip line of its extra.
        PluginError: the module does not exist, fails, or has no such name.

    Example:
        >>> from plait.hooks import Component
        >>> owner = Registered(Component("fusion", "sum", factory="json:dumps"), "plait-sum")
        >>> import_attribute("json:dumps", owner)([1])
        '[1]'
    """
    module_name, _, attribute = path.partition(":")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise PluginError(
                f"it names the module {module_name!r}, which does not exist", where=str(owner), fix=_reinstall(owner)
            ) from error
        raise missing(error.name or module_name, owner.component.extra, str(owner)) from error
    except PlaitError:
        raise
    except (Exception, SystemExit) as error:
        message = f"importing {module_name!r} raised {type(error).__name__}: {error}".rstrip(": ")
        raise PluginError(message, where=str(owner), fix=_reinstall(owner)) from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            likely = nearest(name, dir(found))
            hint = f"; did its author mean {likely!r}?" if likely else ""
            raise PluginError(f"{module_name!r} has no {attribute!r}{hint}", where=str(owner), fix=_reinstall(owner))
        found = getattr(found, name)
    return found


def _config_model(registered: Registered) -> type[BaseModel]:
    path = registered.component.config
    if not path:
        return NoSettings
    model = import_attribute(path, registered)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise PluginError(
            f"its config {path!r} is not a pydantic model", where=str(registered), fix="derive it from Settings"
        )
    return model


def _reinstall(owner: Registered) -> str:
    return f"upgrade or reinstall {owner.distribution}, or report this to its authors"
