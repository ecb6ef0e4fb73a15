"""Reads the bytes of a pipeline file, with errors that say what to do."""

from __future__ import annotations

from pathlib import Path

from plait.contracts.errors import ConfigError

__all__ = ["read_source"]


def read_source(path: str | Path) -> bytes:
    """The bytes of the file at ``path``.

    Raises:
        ConfigError: there is no such file, it is a folder, or it cannot be read.
    """
    file = Path(path)
    try:
        return file.read_bytes()
    except FileNotFoundError:
        near = sorted(item.name for item in file.parent.glob("*") if item.suffix in {".py", ".toml"})
        raise ConfigError(
            "there is no such pipeline file", where=str(path), choices=near, fix="check the path"
        ) from None
    except IsADirectoryError:
        raise ConfigError(
            "this is a folder, not a pipeline file", where=str(path), fix="name the .py or .toml file inside it"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"the pipeline file cannot be read ({error.strerror})", where=str(path), fix="check its permissions"
        ) from error
