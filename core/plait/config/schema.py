"""The one validated model of a pipeline, and how it names components: ``use("name", setting=value)``.

Whether it was written in Python or in TOML, a pipeline comes down to the same plain values, so both compare equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_serializer, model_validator

from plait.config.bounds import within
from plait.contracts.errors import ConfigError

__all__ = ["AnswerSettings", "Pipeline", "Settings", "Use", "plain", "use"]


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
    are plain values (see :func:`plait.config.schema.plain`): a part, such as a retriever's embedder, is held as
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


_ACCEPTED = ("a string", "a number", "true or false", "a date or time", "a list", "a table", "use(...)", "None")


def plain(value: Any, where: str) -> Any:
    """``value`` as strings, numbers, booleans, dates, lists and dictionaries, however it was written.

    Tuples become lists, paths strings, and a nested ``use(...)`` the table that TOML would hold. What comes out
    shares nothing with what went in.

    Args:
        value: a setting, as a person wrote it.
        where: its dotted key, for the error.

    Raises:
        ConfigError: a value that no TOML file could hold, such as a function, or not-a-number.

    Example:
        >>> plain((1, {"folder": PurePath("a") / "b"}), "settings")
        [1, {'folder': 'a/b'}]
    """
    if isinstance(value, BaseModel):
        return plain(value.model_dump(), where)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(f"the key {key!r} is not a string", where=where, fix="write it in quotation marks")
        return {key: plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float) and math.isnan(value):
        raise ConfigError("the value is not a number (nan)", where=where, fix="give a number, or leave the key out")
    if type(value) in {str, bool, int, float, date, datetime, time} or value is None:
        return value
    raise ConfigError(
        f"{value!r} is of type {type(value).__name__}, which a pipeline cannot hold",
        where=where,
        choices=_ACCEPTED,
        fix="give a plain value; objects are built by the component from its settings",
    )


Uses = Annotated[Sequence[Use], AfterValidator(tuple)]
"""Components in order: a list or tuple is accepted, a tuple is held, so that every way of writing compares equal."""


class AnswerSettings(Settings):
    """How evidence becomes an answer."""

    passages: int = Field(default=8, ge=1, le=200)
    """Most passages put before the generator."""
    prompt_tokens: int = Field(default=1_500, ge=64)
    """Most tokens of the prompt; whole passages only, what did not fit is in the trace."""
    max_tokens: Annotated[int, AfterValidator(within("max_tokens"))] = 256
    """Most tokens of the answer."""
    template: str = "default"
    """``default`` (short, small models follow it), ``thorough`` (for larger ones), or the path of a template."""
    ties: Literal["auto", "always", "never"] = "auto"
    """Whether the prompt says in words how its papers are tied ("[1] cites [3]"), in pipelines with a document graph.
    ``auto``: where the generator gets no soft tokens, which say it without words."""
    tie_tokens: int = Field(default=96, ge=0)
    """Most tokens of that; it takes only room that passages leave."""
    supported_by: Literal["all", "any"] = "all"
    """Whether all of several verifiers, or any of them, must find a sentence supported."""
    seed: Annotated[int, AfterValidator(within("seed"))] = 0
    """Seed for generators that sample, from 0 to 2**63 - 1; greedy ones ignore it."""
    temperature: Annotated[float, AfterValidator(within("temperature"))] = 0.0
    """0 decodes greedily and reproducibly; else from 0.01 to 2."""


class Pipeline(Settings):
    """A whole pipeline.

    Example:
        >>> Pipeline(retrievers=[use("dense")]).generator.name
        'extractive'
    """

    readers: Uses = (use("markdown"), use("text"), use("beir"), use("jats"), use("pdf"))
    """Tried in this order; the first that accepts a file reads it."""
    chunker: Use = use("sections")
    """What cuts documents into passages; another one needs ``plait index rebuild``."""
    retrievers: Uses = Field(default=(use("dense"), use("lexical")), min_length=1)
    """What finds passages; each fills its own columns of the index."""
    fusion: Use = use("scores")
    """What makes one list of what the retrievers found."""
    ranker: Use | None = None
    """What reorders the best passages, if anything."""
    gate: Use = use("similarity")
    """Whether what was found can answer the question; ``open`` answers whatever found something."""
    generator: Use = use("extractive")
    """What writes the answer; ``extractive`` quotes sentences and needs no language model."""
    verifiers: Uses = Field(default=(use("words"),), min_length=1)
    """Who says which spans support a sentence of the answer; ``none`` marks sentences as unchecked."""
    candidates: int = Field(default=100, ge=1)
    """How many passages each retriever returns for fusion."""
    answer: AnswerSettings = AnswerSettings()
    """How evidence becomes an answer."""
