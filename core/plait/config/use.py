"""``use("name", setting=value)``: how a pipeline names a component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_serializer, model_validator

from plait.config.plain import plain
from plait.contracts.errors import ConfigError

__all__ = ["Settings", "Use", "use"]


class Settings(BaseModel):
    """Base class for component settings: unknown keys are errors, values cannot change afterwards.

    Example:
        >>> class Config(Settings):
        ...     window: int = 3
        >>> Config(window=5).window
        5
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Use(BaseModel):
    """A component by name, with its settings. In TOML: ``{use = "name", setting = value}``.

    Which settings exist is known to the component; they are validated when the host looks it up. Until then they
    are plain values (see :func:`plait.config.plain.plain`): a part, such as a retriever's embedder, is held as
    ``{"use": name, ...}`` whether it was written ``use(...)`` in Python or as a table in TOML.

    Example:
        >>> use("dense", embedder=use("minilm", batch_tokens=2048)).settings
        {'embedder': {'use': 'minilm', 'batch_tokens': 2048}}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_flat(cls, value: Any) -> Any:
        """Accepts a bare name, and the flat table that TOML files hold."""
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and "use" in value:
            settings = {key: item for key, item in value.items() if key != "use"}
            return {"name": value["use"], "settings": settings}
        return value

    @field_validator("settings", mode="before")
    @classmethod
    def _plain_settings(cls, settings: Any) -> Any:
        """Brings settings into their normal form; what pydantic itself refuses is left to it."""
        if not isinstance(settings, Mapping):
            return settings
        if "use" in settings:
            raise ConfigError(
                "'use' names the component and cannot be a setting of it",
                where="use(...)",
                fix="write the name first: use('name', setting=value)",
            )
        return plain(settings, "use(...)")

    @model_serializer
    def _to_flat(self) -> dict[str, Any]:
        return {"use": self.name, **self.settings}


def use(name: str, /, **settings: Any) -> Use:
    """Names a component and its settings.

    Raises:
        ConfigError: a setting is not a plain value.

    Example:
        >>> use("rrf", constant=30).model_dump()
        {'use': 'rrf', 'constant': 30}
    """
    return Use(name=name, settings=settings)
