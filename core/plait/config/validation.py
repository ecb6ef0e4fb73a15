"""Checks a whole pipeline against the components that are installed, before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pydantic import BaseModel

from plait.config.explain import combine
from plait.config.schema import Pipeline
from plait.config.use import Use
from plait.contracts.errors import ConfigError, PlaitError

__all__ = ["SettingsSource", "named_components", "validate_pipeline"]


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
        >>> [f"{key}: {kind} {use.name}" for key, kind, use in named_components(Pipeline())][-4:]
        ['retrievers[0]: retriever dense', 'retrievers[1]: retriever lexical', 'fusion: fusion rrf', \
'generator: generator extractive']
    """
    for position, reader in enumerate(pipeline.readers):
        yield f"readers[{position}]", "reader", reader
    yield "chunker", "chunker", pipeline.chunker
    for position, retriever in enumerate(pipeline.retrievers):
        yield f"retrievers[{position}]", "retriever", retriever
    yield "fusion", "fusion", pipeline.fusion
    if pipeline.ranker is not None:
        yield "ranker", "ranker", pipeline.ranker
    yield "generator", "generator", pipeline.generator
