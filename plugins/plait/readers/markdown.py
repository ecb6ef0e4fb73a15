"""Markdown with YAML front matter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, field_validator

from plait.config import Settings
from plait.contracts import Document, ReadReport, Reference
from plait.contracts.errors import ReadError
from plait.readers.files import check_encoding, decode, read_bytes, source_of
from plait.readers.front_matter import split_front_matter
from plait.readers.metadata import known_keys, one_line, references_from

__all__ = ["Config", "MarkdownReader"]

_SUFFIXES = (".md", ".markdown")


class Config(Settings):
    """Settings of the reader ``markdown``."""

    encoding: str = "auto"
    """``auto`` (UTF-8, or what a byte order mark says) or the name of an encoding."""
    max_megabytes: int = Field(default=64, ge=1)
    """Larger files are refused."""

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        return check_encoding(encoding)


class MarkdownReader:
    """Reads Markdown files.

    The front matter's ``id``, ``title`` and ``references`` become the document's; ``authors``, ``year``, ``venue``,
    ``topics``, ``identifiers`` and every other key its metadata. Without an id the file name's stem is the id; without
    a title the first level-1 heading is, else the stem. A section named References or Bibliography becomes references.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()

    def accepts(self, path: Path) -> bool:
        """Files named ``.md`` or ``.markdown``."""
        return path.suffix.lower() in _SUFFIXES and path.is_file()

    def read(self, path: Path, report: ReadReport) -> Iterator[Document]:
        """Yields the one document in ``path``.

        Raises:
            ReadError: the file is empty, binary, too large, wrongly encoded, or its front matter is broken; the
                message names file, line and fix.
        """
        from plait.readers.markdown_body import MarkdownBody

        data = read_bytes(path, self.config.max_megabytes)
        front, text = split_front_matter(decode(data, path, self.config.encoding), path)
        try:
            identifier = front.pop("id", None)
            if identifier is None:
                identifier = path.stem
            if isinstance(identifier, bool) or not isinstance(identifier, str | int) or not str(identifier).strip():
                raise ValueError(f"id is {identifier!r}, not an id")
            given = front.pop("title", None)
            if not isinstance(given, str | int | float | None):
                raise ValueError(f"title is {given!r}, not text")
            references: tuple[Reference, ...] = ()
            if front.get("references") is not None:
                references = references_from(front["references"])
            front.pop("references", None)
            metadata = known_keys(front)
        except ValueError as error:
            raise ReadError(str(error), where=f"{path} (front matter)", fix="correct it") from error
        try:
            body = MarkdownBody(text, one_line(str(given)) if given is not None else "", path.as_posix(), report)
        except RecursionError as error:
            raise ReadError("the markup is nested too deep", where=str(path), fix="flatten its lists") from error
        yield Document(
            str(identifier).strip(),
            body.title or path.stem,
            body.sections,
            metadata,
            references + body.references,
            source_of(path, data, "markdown"),
        )
