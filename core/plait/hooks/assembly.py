"""Builds components: checks settings, imports late, shares equal parts."""

from __future__ import annotations

import inspect
import json
from threading import RLock
from typing import Any, Literal, overload

from pydantic import BaseModel

from plait.config import Use
from plait.config.extras import missing
from plait.contracts import Chunker, Embedder, Fusion, Gate, Generator, Ranker, Reader, Retriever, Verifier
from plait.contracts.errors import PlaitError, PluginError
from plait.hooks.component import Registered
from plait.hooks.host import PluginHost
from plait.hooks.resolving import as_uses, import_attribute

__all__ = ["Assembly"]

_PROTOCOLS: dict[str, type] = {
    "reader": Reader,
    "chunker": Chunker,
    "embedder": Embedder,
    "retriever": Retriever,
    "ranker": Ranker,
    "fusion": Fusion,
    "gate": Gate,
    "generator": Generator,
    "verifier": Verifier,
}


_ABSENT = object()


class Assembly:
    """The built components of one pipeline: equal ones are built once and shared, safely between threads.

    Args:
        host: where components are looked up.

    Example:
        >>> from plait.config import use
        >>> from plait.hooks import Component, hookimpl
        >>> class Plugin:
        ...     @hookimpl
        ...     def plait_components(self):
        ...         return [Component("chunker", "blocks", factory="plait.testing:BlockChunker")]
        >>> host = PluginHost()
        >>> host.register(Plugin(), name="my-plugin")
        >>> assembly = Assembly(host)
        >>> assembly.build("chunker", use("blocks")) is assembly.build("chunker", use("blocks"))
        True
        >>> assembly.build("chunker", use("blocks", size=3))
        Traceback (most recent call last):
        ...
        plait.contracts.errors.ConfigError: chunker 'blocks' (my-plugin): unknown key 'size'. Fix: remove it, or use \
one of the choices.
    """

    def __init__(self, host: PluginHost) -> None:
        self.host = host
        self._built: dict[tuple[str, str, str], object] = {}
        self._lock = RLock()

    def settings(self, kind: str, use: Use) -> BaseModel:
        """The validated settings of a component, see :meth:`plait.hooks.PluginHost.settings`."""
        return self.host.settings(kind, use)

    @overload
    def build(self, kind: Literal["reader"], use: Use) -> Reader: ...
    @overload
    def build(self, kind: Literal["chunker"], use: Use) -> Chunker: ...
    @overload
    def build(self, kind: Literal["embedder"], use: Use) -> Embedder: ...
    @overload
    def build(self, kind: Literal["retriever"], use: Use) -> Retriever: ...
    @overload
    def build(self, kind: Literal["ranker"], use: Use) -> Ranker: ...
    @overload
    def build(self, kind: Literal["fusion"], use: Use) -> Fusion: ...
    @overload
    def build(self, kind: Literal["gate"], use: Use) -> Gate: ...
    @overload
    def build(self, kind: Literal["generator"], use: Use) -> Generator: ...
    @overload
    def build(self, kind: Literal["verifier"], use: Use) -> Verifier: ...
    @overload
    def build(self, kind: str, use: Use) -> object: ...

    def build(self, kind: str, use: Use) -> object:
        """The component, built with its parts; the same object for equal settings.

        Raises:
            PluginError: it is unknown, cannot be imported or built, or does not satisfy its kind's protocol.
            ConfigError: a setting is unknown or has a wrong value.
            MissingDependencyError: an optional package is not installed; the fix is the pip line.
        """
        settings = self.settings(kind, use)
        with self._lock:
            return self._build(kind, use.name, settings)

    def _build(self, kind: str, name: str, settings: BaseModel) -> object:
        key = (kind, name, json.dumps(settings.model_dump(mode="json"), sort_keys=True))
        if key not in self._built:
            registered = self.host.component(kind, name)
            parts = {field: self._part(registered, field, settings) for field in registered.component.parts}
            self._built[key] = _make(registered, settings, parts)
        return self._built[key]

    def _part(self, registered: Registered, field: str, settings: BaseModel) -> object:
        kind = registered.component.parts[field]
        held = getattr(settings, field)
        built = tuple(self.build(kind, part) for part in as_uses(registered, field, held))
        if held is None:
            return None
        return built if isinstance(held, (tuple, list)) else built[0]


def _make(registered: Registered, settings: BaseModel, parts: dict[str, object]) -> object:
    factory = import_attribute(registered.component.factory, registered)
    arguments = (settings,) if registered.component.config else ()
    try:
        made: object = factory(*arguments, **parts)
    except PlaitError:
        raise
    except ModuleNotFoundError as error:
        raise missing(error.name or "?", registered.component.extra, str(registered)) from error
    except Exception as error:
        message = f"building it raised {type(error).__name__}: {error}".rstrip(": ")
        raise PluginError(message, where=str(registered), fix="correct the settings or the plugin") from error
    _check_protocol(made, registered)
    return made


def _check_protocol(made: object, registered: Registered) -> None:
    """Refuses an object that lacks what its protocol names.

    Looks statically: ``isinstance`` would run properties on Python 3.11, and a property may load a model.
    """
    protocol = _PROTOCOLS[registered.kind]
    lacking = []
    for name, declared in vars(protocol).items():
        if name.startswith("_"):
            continue
        found = inspect.getattr_static(made, name, _ABSENT)  # None is a value: a generator without a window has it
        if found is _ABSENT or (inspect.isfunction(declared) and not _is_method(found)):
            lacking.append(name)
    if lacking:
        raise PluginError(
            f"{type(made).__name__} is no {protocol.__name__}: it lacks {', '.join(lacking)}",
            where=str(registered),
            fix=f"implement plait.contracts.{protocol.__name__}",
        )


def _is_method(found: Any) -> bool:
    return callable(found) or isinstance(found, (staticmethod, classmethod))
