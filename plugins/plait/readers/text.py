"""Plain text: paragraphs between blank lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, field_validator

from plait.config import Settings
from plait.contracts import Document, ReadReport, Section, Text
from plait.readers.files import check_encoding, decode, read_bytes, source_of

__all__ = ["Config", "TextReader", "paragraphs"]

_SUFFIXES = (".txt", ".text")
_LIST_LINE = re.compile(r"\s*(?:[-*+•]|\(?\d{1,3}[.)])\s")
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0e-\x1f\x7f]")

_BETWEEN_WORDS = re.compile(r"(?<=\S)[\x01-\x08\x0b\x0e-\x1f\x7f]+(?=\S)")


class Config(Settings):
    """Settings of the reader ``text``."""

    encoding: str = "auto"
    """``auto`` (UTF-8, or what a byte order mark says) or the name of an encoding."""
    max_megabytes: int = Field(default=64, ge=1)
    """Larger files are refused."""

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        return check_encoding(encoding)


class TextReader:
    """Reads plain text files.

    A first line that stands alone, is short and does not end like a sentence is the title; otherwise the file name
    is. Lines that were wrapped at a fixed width are joined; short and indented lines keep their breaks.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()

    def accepts(self, path: Path) -> bool:
        """Files named ``.txt`` or ``.text``."""
        return path.suffix.lower() in _SUFFIXES and path.is_file()

    def read(self, path: Path, report: ReadReport) -> Iterator[Document]:
        """Yields the one document in ``path``.

        Raises:
            ReadError: the file is empty, binary, too large, or not in the expected encoding.
        """
        data = read_bytes(path, self.config.max_megabytes)
        decoded = decode(data, path, self.config.encoding)
        text, controls = _CONTROL.subn("", _BETWEEN_WORDS.sub(r"\g<0> ", decoded))
        if controls:
            report.skip(path.as_posix(), "control character", controls)
        blocks = paragraphs(text)
        title = path.stem
        if len(blocks) > 1 and "\n" not in blocks[0] and len(blocks[0]) <= 150 and blocks[0][-1] not in ".,;:!?":
            title = blocks.pop(0)
        section = Section("", tuple(Text(block) for block in blocks))
        yield Document(path.stem, title, (section,), source=source_of(path, data, "text"))


def paragraphs(text: str) -> list[str]:
    r"""The paragraphs of ``text``; lines that were wrapped at a fixed width are joined.

    Example:
        >>> paragraphs("A title\n\n" + "words that fill a whole line up to its width\nand a rest.\n\n- a\n- b\n")
        ['A title', 'words that fill a whole line up to its width and a rest.', '- a\n- b']
    """
    found = []
    for part in re.split(r"\n[^\S\n]*(?:\n[^\S\n]*)+|\f", text):
        lines = [line.rstrip() for line in part.strip("\n").split("\n")]
        if not any(line.strip() for line in lines):
            continue
        wrapped = all(len(line) >= 40 for line in lines[:-1])
        wrapped = wrapped and not any(line[:1].isspace() or _LIST_LINE.match(line) for line in lines[1:])
        found.append((" " if wrapped else "\n").join(lines).strip())
    return found
