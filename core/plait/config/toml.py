"""Pipelines in TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from plait.config.explain import explain
from plait.config.schema import Pipeline
from plait.config.sources import read_source
from plait.contracts.errors import ConfigError

__all__ = ["dump_toml", "load_toml", "parse_toml"]


def load_toml(path: str | Path) -> Pipeline:
    """Reads a pipeline from a TOML file.

    Raises:
        ConfigError: the file is missing or not TOML, or holds an unknown key or an invalid value; the message
            names the file, the dotted key, and what would have been accepted.
    """
    content = read_source(path)
    try:
        text = content.decode("utf-8-sig")  # some editors put a byte order mark first
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the file is not UTF-8 text (byte {error.start:,})", where=str(path), fix="save it as UTF-8"
        ) from error
    return parse_toml(text, where=str(path))


def parse_toml(text: str, *, where: str = "pipeline.toml") -> Pipeline:
    """Reads a pipeline from TOML text; ``where`` names it in errors.

    Example:
        >>> pipeline = parse_toml('''
        ... candidates = 50
        ... [[retrievers]]
        ... use = "dense"
        ... embedder = {use = "minilm", max_tokens = 512}
        ... [generator]
        ... use = "extractive"
        ... ''')
        >>> pipeline.retrievers[0].settings["embedder"]
        {'use': 'minilm', 'max_tokens': 512}
        >>> parse_toml("candidate = 50", where="pipeline.toml")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.ConfigError: pipeline.toml: unknown key 'candidate'. Choices: readers, chunker, \
retrievers, fusion, ranker, generator, candidates, answer. Fix: write 'candidates' instead of 'candidate'.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the file is not valid TOML: {error}", where=where, fix="correct that line") from error
    try:
        return Pipeline.model_validate(tables)
    except ValidationError as error:
        raise explain(error, Pipeline, where) from error
    except ConfigError as error:
        place = ": ".join(part for part in (where, error.where) if part)
        raise ConfigError(error.message, where=place, choices=error.choices, fix=error.fix) from error


def dump_toml(pipeline: Pipeline) -> str:
    """The pipeline as TOML; reading that back gives an equal pipeline.

    Raises:
        ConfigError: a setting is None, for which TOML has no word.

    Example:
        >>> from plait.config import use
        >>> print(dump_toml(Pipeline(ranker=use("mmr", balance=0.7))).split("[ranker]")[1].split("[")[0].strip())
        use = "mmr"
        balance = 0.7
    """
    tables = {key: value for key, value in pipeline.model_dump().items() if value is not None}
    _refuse_none(tables, "")
    return tomli_w.dumps(tables)


def _refuse_none(value: Any, key: str) -> None:
    if value is None:
        raise ConfigError(
            "the setting is None, which TOML cannot hold",
            where=key,
            fix="leave the setting out, or keep the pipeline in Python",
        )
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_none(item, f"{key}.{name}" if key else name)
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            _refuse_none(item, f"{key}[{position}]")
