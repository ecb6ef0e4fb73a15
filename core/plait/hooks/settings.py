"""Validates what a pipeline says about a component, importing only the component's light config module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from plait.config import Settings, Use, combine, explain
from plait.contracts.errors import PlaitError, PluginError
from plait.hooks.component import Kind
from plait.hooks.importing import import_attribute
from plait.hooks.registered import Registered

__all__ = ["component_settings", "uses_of_parts"]


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
    for part_kind, part in uses_of_parts(registered, settings):
        try:
            component_settings(host, part_kind, part, (*above, str(registered)))
        except PlaitError as error:
            findings.append(error)
    if len(findings) == 1:
        raise findings[0]
    if findings:
        raise combine(findings, str(registered))
    return settings


def uses_of_parts(registered: Registered, settings: BaseModel) -> Iterator[tuple[Kind, Use]]:
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
