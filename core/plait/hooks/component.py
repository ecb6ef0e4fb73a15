"""What a plugin declares, one :class:`Component` for each reader, retriever, generator, ...; and who declared it.

Everything heavy is named by import string, so that listing, validating and configuring plugins imports neither
torch nor the plugin's own dependencies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from plait.contracts.errors import PluginError

__all__ = ["API_VERSION", "BUILT_IN", "KINDS", "Component", "Kind", "Problem", "Registered"]

API_VERSION = "1.1"
"""Version of the plugin contracts. The minor part grows when something is added, the major when something breaks."""

Kind = Literal["reader", "chunker", "embedder", "retriever", "ranker", "fusion", "gate", "generator", "verifier"]
KINDS: tuple[Kind, ...] = get_args(Kind)

BUILT_IN = "plait"
"""The distribution whose components nobody may shadow."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_IMPORT_STRING = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class Component:
    """One thing a plugin offers.

    Args:
        kind: which protocol of :mod:`plait.contracts` the object satisfies.
        name: what a pipeline writes in ``use(name)``; lower case, digits and hyphens.
        factory: ``"module:Class"``; called as ``Class(config, **parts)``.
        config: ``"module:Config"``, a pydantic model of the settings; its module must be light. Empty when the
            component has no settings; the factory is then called as ``Class(**parts)``.
        summary: one line for ``plait plugins``.
        api: the plugin API it was written for, as a version specifier.
        extra: the pip requirement to name when the factory's import fails, such as ``"plait[pdf]"``.
        parts: config fields that hold a ``use(...)`` of another component, field -> kind. The host builds them and
            passes them under the same names; equal parts are built once and shared. A field may also hold None
            (passed on as None) or a tuple of uses (passed on as a tuple of objects).
        capabilities: facts for other components and for people, such as ``{"suffixes": [".pdf"]}``.

    Raises:
        PluginError: the declaration breaks one of these rules.

    Example:
        >>> Component("retriever", "overlap", factory="my_plugin.overlap:Overlap", summary="Counts shared words").api
        '>=1,<2'
        >>> Component("retriever", "Overlap!", factory="my_plugin.overlap:Overlap")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.PluginError: component 'Overlap!': the name is not made of lower-case letters, \
digits and hyphens. Fix: rename it, for example 'overlap'.
    """

    kind: Kind
    name: str
    factory: str
    config: str = ""
    summary: str = ""
    api: str = ">=1,<2"
    extra: str = ""
    parts: Mapping[str, Kind] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"component {self.name!r}"
        if self.kind not in KINDS:
            raise PluginError(f"there is no kind {self.kind!r}", where=where, choices=KINDS, fix="use one of the kinds")
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            better = "-".join(re.findall(r"[a-z0-9]+", str(self.name).lower())) or "my-retriever"
            raise PluginError(
                "the name is not made of lower-case letters, digits and hyphens",
                where=where,
                fix=f"rename it, for example {better!r}",
            )
        for label, value in (("factory", self.factory), ("config", self.config or "module:Config")):
            if not isinstance(value, str) or not _IMPORT_STRING.fullmatch(value):
                raise PluginError(
                    f"{label} is {value!r}, not an import string", where=where, fix=f"write {label}='module:Class'"
                )
        if self.parts and not self.config:
            raise PluginError(
                "it has parts but no config whose fields name them", where=where, fix="add config='module:Config'"
            )
        for part, kind in self.parts.items():
            if kind not in KINDS:
                raise PluginError(
                    f"the part {part!r} has the kind {kind!r}, which does not exist", where=where, choices=KINDS
                )


@dataclass(frozen=True, slots=True)
class Registered:
    """A component, and the distribution that offers it.

    Example:
        >>> dense = Component("retriever", "dense", factory="plait.retrievers.dense:Dense")
        >>> str(Registered(dense, "plait", "0.1.0", "retrievers"))
        "retriever 'dense' (plait 0.1.0)"
    """

    component: Component
    distribution: str
    version: str = ""
    entry_point: str = ""

    @property
    def kind(self) -> Kind:
        """The component's kind."""
        return self.component.kind

    @property
    def name(self) -> str:
        """The component's name."""
        return self.component.name

    @property
    def built_in(self) -> bool:
        """Whether it comes with Plait itself."""
        return self.distribution == BUILT_IN

    @property
    def owner(self) -> str:
        """Distribution and version."""
        return f"{self.distribution} {self.version}".rstrip()

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} ({self.owner})"


@dataclass(frozen=True, slots=True)
class Problem:
    """A plugin, or one component of it, that cannot be used. The others go on.

    ``cause`` is a sentence for people; ``error`` the exception behind it, for ``raise ... from`` and debugging.

    Example:
        >>> print(Problem("plait-ocr", "ocr", "ImportError: no module named 'tesserocr'"))
        plait-ocr, entry point 'ocr': ImportError: no module named 'tesserocr'
    """

    distribution: str
    entry_point: str
    cause: str
    error: BaseException | None = field(default=None, compare=False)

    def __str__(self) -> str:
        place = f"{self.distribution}, entry point {self.entry_point!r}" if self.entry_point else self.distribution
        return f"{place}: {self.cause}"
