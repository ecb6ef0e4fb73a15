"""What a plugin declares: one :class:`Component` for each reader, retriever, generator, ... it offers.

Everything heavy is named by import string, so that listing, validating and configuring plugins imports neither
torch nor the plugin's own dependencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

__all__ = ["API_VERSION", "KINDS", "Component", "Kind"]

API_VERSION = "1.0"
"""Version of the plugin contracts. The minor part grows when something is added, the major when something breaks."""

Kind = Literal["reader", "chunker", "embedder", "retriever", "ranker", "fusion", "generator"]
KINDS: tuple[Kind, ...] = get_args(Kind)


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
            passes them under the same names; equal parts are built once and shared.
        capabilities: facts for other components and for people, such as ``{"suffixes": [".pdf"]}``.

    Example:
        >>> Component("retriever", "overlap", factory="my_plugin.overlap:Overlap", summary="Counts shared words").api
        '>=1,<2'
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
