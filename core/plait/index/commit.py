"""A commit: which version of which table belong together, and what they were made with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from plait.contracts.errors import IndexFormatError, IndexStoreError
from plait.contracts.retriever import Column

__all__ = ["EXACT", "FORMAT", "TABLE_NAME", "Commit", "Difference", "SourceState", "as_json", "now"]

FORMAT = 1
"""Version of the layout on disk. An index of a higher format is refused, never guessed at."""

EXACT = "exact"
"""Kind of an entry of :attr:`Commit.approximate` that says: tried, not good enough, search is exact."""

TABLE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}")
"""What a table may be called; nothing in ``index.json`` may name a path."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of the whole index.

    Attributes:
        number: 0 is the empty index; each commit adds one.
        parent: the commit it was made from; a rollback's parent is the commit it left.
        created: when, as UTC in ISO 8601.
        message: why, for people.
        tables: table name -> version of that Lance table.
        columns: what the retrievers declared, by name.
        identity: what the columns were made with (embedder, chunker, plugins); any JSON.
        counts: ``documents`` and ``passages``.
        approximate: column -> ``{"kind", "recall", "settings", "rows"}`` for columns above the exact limit.
        notes: anything else that belongs to this state, such as calibration; any JSON.
    """

    number: int
    parent: int | None
    created: str
    message: str
    tables: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=lambda: {"documents": 0, "passages": 0})
    approximate: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The commit as JSON values; :meth:`from_json` reads them back."""
        return {
            "format": FORMAT,
            "number": self.number,
            "parent": self.parent,
            "created": self.created,
            "message": self.message,
            "tables": dict(self.tables),
            "columns": {
                name: {"kind": column.kind, "dimension": column.dimension} for name, column in self.columns.items()
            },
            "identity": dict(self.identity),
            "counts": dict(self.counts),
            "approximate": {name: dict(entry) for name, entry in self.approximate.items()},
            "notes": dict(self.notes),
        }

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Commit:
        """Reads a commit file.

        Raises:
            IndexFormatError: it is not one, or was written by a newer Plait.

        Example:
            >>> Commit.from_json('{"format": 99}', "papers.plait/index.json")
            Traceback (most recent call last):
            ...
            plait.contracts.errors.IndexFormatError: papers.plait/index.json: the index has format 99, this Plait \
reads up to 1. Fix: upgrade with: pip install --upgrade plait.
        """
        try:
            record = json.loads(text)
            version = record["format"]
            if not isinstance(version, int) or version < 1:
                raise ValueError(f"format is {version!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise IndexFormatError(
                f"this is not a Plait index ({error})",
                where=where,
                fix="name the folder that 'plait index add --index' made, or copy the newest file of its "
                "commits/ folder over index.json",
            ) from error
        if version > FORMAT:
            raise IndexFormatError(
                f"the index has format {version}, this Plait reads up to {FORMAT}",
                where=where,
                fix="upgrade with: pip install --upgrade plait",
            )
        try:
            return cls(
                number=_integer(record["number"]),
                parent=None if record["parent"] is None else _integer(record["parent"]),
                created=str(record["created"]),
                message=str(record["message"]),
                tables={_table(name): _integer(number) for name, number in record["tables"].items()},
                columns={
                    name: Column(name, column["kind"], column["dimension"])
                    for name, column in record["columns"].items()
                },
                identity=dict(record["identity"]),
                counts={name: _integer(record["counts"][name]) for name in ("documents", "passages")},
                approximate={name: dict(entry) for name, entry in record["approximate"].items()},
                notes=dict(record["notes"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexFormatError(
                f"the commit is damaged ({error!r})",
                where=where,
                fix="copy the newest undamaged file of the commits/ folder over index.json",
            ) from error


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is stored of one source file: its hash when it was read, and the documents that came out of it."""

    sha256: str
    document_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Documents that differ between two commits, sorted by id. ``changed`` ones have other content."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def to_json(self) -> dict[str, list[str]]:
        """The difference as JSON values."""
        return {"added": list(self.added), "removed": list(self.removed), "changed": list(self.changed)}


def now() -> str:
    """The present as UTC in ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def as_json(what: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """``value`` as it will be read back from a commit.

    Raises:
        IndexStoreError: it holds something that JSON cannot.
    """
    try:
        plain: Mapping[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
        return plain
    except (TypeError, ValueError) as error:
        raise IndexStoreError(f"the commit's {what} is not JSON: {error}", fix="make it of plain values") from error


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value


def _table(name: str) -> str:
    if not TABLE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a table name")
    return name
