"""Every error Plait raises on purpose.

::

    PlaitError
    ├── ConfigError              a pipeline file or a component's settings are wrong
    ├── PluginError              a plugin could not be found, loaded or accepted
    │   ├── UnknownComponentError
    │   ├── DuplicateComponentError
    │   └── ApiVersionError
    ├── MissingDependencyError   an optional package is not installed
    ├── ReadError                a file could not be turned into documents
    ├── DocumentError            a document breaks a rule (two with one id, empty id, ...)
    ├── QueryError               a question is empty, too long, or of the wrong kind
    ├── IndexStoreError          anything about the index on disk
    │   ├── IndexNotFoundError
    │   ├── IndexFormatError     written by a newer Plait, or not an index at all
    │   ├── IndexLockedError     another process is writing
    │   ├── IndexCorruptError    what is stored contradicts itself
    │   ├── IndexWriteError      read-only or full disk
    │   └── IdentityError        built by another embedder, chunker or plugin version
    ├── ModelError               a model is missing, or its output is unusable
    └── GenerationError          a generator failed or stopped half way

A message says what happened and where; ``choices`` what would have been accepted; ``fix`` what to do.
All three appear in ``str(error)``, so that a log line is enough to act on.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ApiVersionError",
    "ConfigError",
    "DocumentError",
    "DuplicateComponentError",
    "GenerationError",
    "IdentityError",
    "IndexCorruptError",
    "IndexFormatError",
    "IndexLockedError",
    "IndexNotFoundError",
    "IndexStoreError",
    "IndexWriteError",
    "MissingDependencyError",
    "ModelError",
    "PlaitError",
    "PluginError",
    "QueryError",
    "ReadError",
    "UnknownComponentError",
    "nearest",
]


class PlaitError(Exception):
    """The root of all errors that Plait raises on purpose.

    Args:
        message: what happened.
        where: the file, key, plugin or document it happened in.
        choices: what would have been accepted.
        fix: what the reader of the message can do about it.

    Example:
        >>> print(PlaitError("unknown key 'retriver'", where="pipeline.toml", fix="write 'retrievers'"))
        pipeline.toml: unknown key 'retriver'. Fix: write 'retrievers'.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        choices: Iterable[str] = (),
        fix: str | None = None,
    ) -> None:
        self.message = message
        self.where = where
        self.choices = tuple(choices)
        self.fix = fix
        super().__init__(message)

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.choices:
            parts.append("Choices: " + ", ".join(self.choices))
        if self.fix:
            parts.append("Fix: " + self.fix)
        return ". ".join(part.rstrip(".") for part in parts) + "."


class ConfigError(PlaitError):
    """A pipeline file or a component's settings are wrong."""


class PluginError(PlaitError):
    """A plugin could not be found, loaded or accepted."""


class UnknownComponentError(PluginError):
    """No loaded plugin offers a component of this kind and name."""


class DuplicateComponentError(PluginError):
    """Two distributions offer a component of the same kind and name."""


class ApiVersionError(PluginError):
    """A component asks for a plugin API this host does not speak."""


class MissingDependencyError(PlaitError):
    """An optional package is not installed; ``fix`` holds the pip line."""


class ReadError(PlaitError):
    """A file could not be turned into documents."""


class DocumentError(PlaitError):
    """A document breaks a rule, such as two documents sharing one id."""


class QueryError(PlaitError):
    """A question is empty, too long, or of a kind no retriever here accepts."""


class IndexStoreError(PlaitError):
    """Anything about the index on disk."""


class IndexNotFoundError(IndexStoreError):
    """There is no index at the given place."""


class IndexFormatError(IndexStoreError):
    """The index was written by a newer Plait, or is not an index at all."""


class IndexLockedError(IndexStoreError):
    """Another process holds the write lock."""


class IndexCorruptError(IndexStoreError):
    """What is stored contradicts itself."""


class IndexWriteError(IndexStoreError):
    """The place cannot be written: read-only, full, or gone."""


class IdentityError(IndexStoreError):
    """The index was built by another embedder, chunker or plugin version than the pipeline's."""


class ModelError(PlaitError):
    """A model is missing, or what it returned is unusable."""


class GenerationError(PlaitError):
    """A generator failed, or stopped before the answer was whole."""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice a user most likely meant by ``word``, or None.

    Example:
        >>> nearest("retriver", ["retrievers", "generator"])
        'retrievers'
    """
    matches = get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return matches[0] if matches else None
