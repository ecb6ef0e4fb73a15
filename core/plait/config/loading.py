"""Loads a pipeline from whatever file the user names."""

from __future__ import annotations

from pathlib import Path

from plait.config.python import load_python
from plait.config.schema import Pipeline
from plait.config.toml import load_toml
from plait.contracts.errors import ConfigError

__all__ = ["load_pipeline"]


def load_pipeline(path: str | Path | None) -> Pipeline:
    """The pipeline in a ``.py`` or ``.toml`` file; the default pipeline for None.

    Raises:
        ConfigError: the file has another suffix, or cannot be read as a pipeline.

    Example:
        >>> load_pipeline(None) == Pipeline()
        True
    """
    if path is None:
        return Pipeline()
    match Path(path).suffix.lower():
        case ".py":
            return load_python(path)
        case ".toml":
            return load_toml(path)
        case suffix:
            raise ConfigError(
                f"a pipeline cannot be read from a {suffix or 'suffix-less'} file",
                where=str(path),
                choices=("pipeline.py", "pipeline.toml"),
                fix="write it in Python or TOML",
            )
