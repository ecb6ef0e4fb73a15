"""Markdown with YAML front matter: what stands between two lines of three hyphens at the very top of a file."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from plait.config import Settings
from plait.contracts import Document, ReadReport, Reference
from plait.contracts.errors import ReadError
from plait.readers.files import check_encoding, decode, read_bytes, source_of
from plait.readers.metadata import json_value, known_keys, one_line, references_from

__all__ = ["Config", "MarkdownReader", "split_front_matter"]

_SUFFIXES = (".md", ".markdown")
_OPEN = re.compile(r"---[ \t]*\n(?=[^\n]*\S)")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_KEY = re.compile(r"[\w\"'][^\n]*:(?:\s|$)|#")
_MAX_CHARACTERS = 500_000


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


def split_front_matter(text: str, path: Path) -> tuple[dict[str, Any], str]:
    r"""The front matter as JSON values, and the rest of ``text``. No front matter gives an empty mapping.

    Raises:
        ReadError: it is not closed, not YAML, not a mapping, names a key twice, or explodes through aliases.

    Example:
        >>> split_front_matter("---\nid: bert\nyear: 2018\n---\n# BERT\n", Path("bert.md"))
        ({'id': 'bert', 'year': 2018}, '# BERT\n')
    """
    opened = _OPEN.match(text)
    if not opened:
        return {}, text
    closed = _CLOSE.search(text, opened.end())
    if not closed:
        if not _KEY.match(text, opened.end()):
            return {}, text  # a thematic break, as any Markdown file may begin with
        raise ReadError(
            "the front matter that opens with '---' is never closed",
            where=f"{path}:1",
            fix="put a line '---' after its last key",
        )
    yaml_text = text[opened.end() : closed.start()]
    return _parse_yaml(yaml_text, path), text[closed.end() :].removeprefix("\n")


def _parse_yaml(yaml_text: str, path: Path) -> dict[str, Any]:
    import yaml

    class Loader(yaml.SafeLoader):
        """The safe loader, which also refuses a key given twice."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                if key.tag != "tag:yaml.org,2002:merge" and isinstance(key, yaml.ScalarNode):
                    if key.value in seen:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"the key {key.value!r} is given twice", key.start_mark
                        )
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

    if len(yaml_text) > _MAX_CHARACTERS:
        raise ReadError(
            f"the front matter has {len(yaml_text):,} characters", where=f"{path}:1", fix="move the text below it"
        )
    try:
        # Loader derives from SafeLoader: it builds plain values only and can run nothing.
        value = yaml.load(yaml_text, Loader=Loader)  # noqa: S506
        value = json_value({} if value is None else value)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 2 + (mark.line if mark else 0)
        problem = getattr(error, "problem", None) or "this cannot be read"
        raise ReadError(
            f"the front matter is not valid YAML: {problem}",
            where=f"{path}:{line}",
            fix="correct that line; put quotes around values that hold ': ', '#', '[', '{' or '@'",
        ) from error
    except (ValueError, RecursionError) as error:
        cause = "it is nested without end" if isinstance(error, RecursionError) else str(error)
        raise ReadError(
            f"the front matter cannot be used: {cause}", where=f"{path}:1", fix="write it without aliases"
        ) from error
    if not isinstance(value, dict):
        raise ReadError(
            f"the front matter is a {type(value).__name__}, not keys with values",
            where=f"{path}:2",
            fix="write lines such as 'title: ...', or leave a blank line after the first '---'",
        )
    return value
