"""``use("name", setting=value)``: how a pipeline names a component."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

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

    Which settings exist is known to the component; they are validated when the host looks it up.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
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

    @model_serializer
    def _to_flat(self) -> dict[str, Any]:
        flat: dict[str, Any] = {"use": self.name}
        for key, item in self.settings.items():
            flat[key] = item.model_dump() if isinstance(item, BaseModel) else item
        return flat


def use(name: str, /, **settings: Any) -> Use:
    """Names a component and its settings.

    Example:
        >>> use("rrf", constant=30).model_dump()
        {'use': 'rrf', 'constant': 30}
    """
    return Use(name=name, settings=settings)
