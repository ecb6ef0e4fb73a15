"""Checks a whole pipeline against the installed components, and says what is wrong so that a person can act on it.

Findings name the dotted key, the choices and the nearest valid key, whether pydantic or a component found them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import UnionType
from typing import Any, Protocol, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from plait.config.schema import Pipeline, Use
from plait.contracts.errors import ConfigError, PlaitError, nearest

__all__ = ["SettingsSource", "combine", "explain", "named_components", "validate_pipeline"]


class SettingsSource(Protocol):
    """Whoever knows the installed components: :class:`plait.hooks.PluginHost`, :class:`plait.hooks.Assembly`."""

    def settings(self, kind: str, use: Use) -> BaseModel:
        """The validated settings of a component and of its parts.

        Raises:
            PluginError: there is no such component, or it cannot be used.
            ConfigError: a setting is unknown or wrong.
        """
        ...


def validate_pipeline(pipeline: Pipeline, host: SettingsSource, *, where: str = "pipeline") -> None:
    """Looks every component of ``pipeline`` up and checks its settings.

    Args:
        pipeline: the pipeline.
        host: where components are looked up.
        where: the file it came from, for the message.

    Raises:
        ConfigError: everything that is wrong, each with its place in the pipeline, in one message.

    Example:
        >>> from plait.hooks import PluginHost
        >>> try:
        ...     validate_pipeline(Pipeline(), PluginHost(), where="pipeline.toml")
        ... except ConfigError as error:
        ...     "chunker: there is no chunker 'sections'" in str(error)
        True
    """
    findings: list[PlaitError] = []
    for place, kind, use in named_components(pipeline):
        try:
            host.settings(kind, use)
        except PlaitError as error:
            located = ": ".join(part for part in (where, place, error.where) if part)
            findings.append(ConfigError(error.message, where=located, choices=error.choices, fix=error.fix))
    if findings:
        raise combine(findings, where)


def named_components(pipeline: Pipeline) -> Iterator[tuple[str, str, Use]]:
    """Every component a pipeline names: (dotted key, kind, use).

    Example:
        >>> [f"{key}: {kind} {use.name}" for key, kind, use in named_components(Pipeline())][-6:]
        ['retrievers[0]: retriever dense', 'retrievers[1]: retriever lexical', 'fusion: fusion scores', \
'gate: gate similarity', 'generator: generator extractive', 'verifiers[0]: verifier words']
    """
    for position, reader in enumerate(pipeline.readers):
        yield f"readers[{position}]", "reader", reader
    yield "chunker", "chunker", pipeline.chunker
    for position, retriever in enumerate(pipeline.retrievers):
        yield f"retrievers[{position}]", "retriever", retriever
    yield "fusion", "fusion", pipeline.fusion
    if pipeline.ranker is not None:
        yield "ranker", "ranker", pipeline.ranker
    yield "gate", "gate", pipeline.gate
    yield "generator", "generator", pipeline.generator
    for position, verifier in enumerate(pipeline.verifiers):
        yield f"verifiers[{position}]", "verifier", verifier


def explain(error: ValidationError, model: type[BaseModel], where: str, prefix: str = "") -> ConfigError:
    """One :class:`ConfigError` that says everything ``error`` found.

    Args:
        error: what validating a ``model`` raised.
        model: the model; its fields are the choices for an unknown key.
        where: the file or component that was read.
        prefix: dotted key under which the model stood.

    Example:
        >>> from plait.config import AnswerSettings
        >>> try:
        ...     AnswerSettings(pasages=3)
        ... except ValidationError as error:
        ...     print(explain(error, AnswerSettings, "pipeline.toml", "answer").message)
        unknown key 'answer.pasages'
    """
    return combine([_finding(item, model, where, prefix) for item in error.errors()], where)


def combine(findings: Sequence[PlaitError], where: str) -> ConfigError:
    """``findings`` as one error: the only one as it is, several as a numbered list.

    Example:
        >>> print(combine([ConfigError("no such file", where="a"), ConfigError("empty", where="b")], "pipeline.toml"))
        pipeline.toml: 2 problems
          1. a: no such file.
          2. b: empty.
    """
    if len(findings) == 1 and isinstance(findings[0], ConfigError):
        return findings[0]
    sentences = [str(finding).removeprefix(f"{where}: ") for finding in findings]
    lines = [f"  {number}. {sentence}" for number, sentence in enumerate(sentences, 1)]
    return ConfigError("\n".join([f"{len(findings)} problem{'s' * (len(findings) != 1)}", *lines]), where=where)


def _finding(item: Any, model: type[BaseModel], where: str, prefix: str) -> ConfigError:
    location = tuple(item["loc"])
    key = _dotted(location, prefix)
    if item["type"] == "extra_forbidden":
        *outer, wrong = location
        choices = _valid_keys(model, outer)
        likely = nearest(str(wrong), choices)
        fix = f"write {likely!r} instead of {wrong!r}" if likely else "remove it, or use one of the choices"
        return ConfigError(f"unknown key '{key}'", where=where, choices=choices, fix=fix)
    if item["type"] == "missing":
        missing = "use" if location and location[-1] == "name" and _is_use(model, location[:-1]) else location[-1]
        key = _dotted((*location[:-1], missing), prefix)
        return ConfigError(f"'{key}' is missing", where=where, fix=f"give {missing!r} a value")
    return ConfigError(
        f"'{key}' is {_shown(item['input'])}, but it must be: {_expected(item['msg'])}",
        where=where,
        fix=f"correct the value of '{key}'",
    )


def _expected(message: str) -> str:
    """Pydantic's sentence without its first words, which say nothing here."""
    for opening in ("Input should be ", "Value error, "):
        if message.startswith(opening):
            return message.removeprefix(opening)
    return message[:1].lower() + message[1:]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _dotted(location: Iterable[int | str], prefix: str) -> str:
    text = prefix
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else str(part)
    return text


def _valid_keys(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """Fields of the model that stands at ``location`` inside ``model``."""
    found = _model_at(model, location)
    if found is Use:
        return ["use"]
    return list(found.model_fields) if found else []


def _is_use(model: type[BaseModel], location: Iterable[int | str]) -> bool:
    return _model_at(model, location) is Use


def _model_at(model: type[BaseModel], location: Iterable[int | str]) -> type[BaseModel] | None:
    here: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int):
            continue  # a position in a list: the annotation already names what the list holds
        field = here.model_fields.get(part) if here is not None else None
        here = _inner_model(field.annotation) if field else None
    return here


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model inside ``Model``, ``tuple[Model, ...]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and not get_args(annotation):
        return annotation
    if get_origin(annotation) in {tuple, list, dict, Sequence, Union, UnionType}:
        for argument in get_args(annotation):
            found = _inner_model(argument)
            if found:
                return found
    return None
