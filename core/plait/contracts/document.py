"""Documents: ordered sections of ordered blocks, where each came from, and the readers that make them out of files.

A document has exactly one canonical text (:attr:`Document.text`). Every span anywhere in Plait is a pair of
character offsets into that text, so a citation can be re-opened and compared years later. The bibliography is
not part of it: references are typed apart and are never evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

__all__ = [
    "Block",
    "Document",
    "Edge",
    "Equation",
    "Figure",
    "PlacedBlock",
    "ReadReport",
    "Reader",
    "Reference",
    "Section",
    "Source",
    "Table",
    "Text",
]

SEPARATOR = "\n\n"
"""Stands between title, headings and blocks in a document's canonical text."""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, list item, quotation or code listing."""

    content: str

    @property
    def text(self) -> str:
        """The content as it stands."""
        return self.content


@dataclass(frozen=True, slots=True)
class Table:
    """A table: ``header`` names the columns, ``rows`` hold one tuple of cells each (cells may be empty)."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    @property
    def text(self) -> str:
        """The caption, then one line per row with cells between bars.

        Example:
            >>> print(Table(("model", "nDCG"), (("BM25", ".679"),), caption="SciFact").text)
            SciFact
            model | nDCG
            BM25 | .679
        """
        lines = [self.caption] if self.caption else []
        lines += [" | ".join(row) for row in (self.header, *self.rows) if row]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture. ``path`` is relative to the document's source file; ``content`` is text read off the picture."""

    path: str
    caption: str = ""
    alt: str = ""
    content: str = ""

    @property
    def text(self) -> str:
        """Caption, alternative text and content, each once."""
        return "\n".join(dict.fromkeys(part for part in (self.caption, self.alt, self.content) if part))


@dataclass(frozen=True, slots=True)
class Equation:
    """A displayed equation as LaTeX or plain text, without its delimiters."""

    content: str

    @property
    def text(self) -> str:
        """The content as it stands."""
        return self.content


Block = Text | Table | Figure | Equation


@dataclass(frozen=True, slots=True)
class Section:
    """One heading and the blocks under it, up to the next heading. ``level`` 1 is the outermost."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 1
    role: Literal["body", "abstract", "front", "appendix"] = "body"


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of a bibliography. ``identifiers`` maps a scheme (doi, arxiv, pmid, id) to its value.

    The scheme ``id`` means: the id of another document of the same corpus.
    """

    text: str = ""
    title: str = ""
    year: int | None = None
    identifiers: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document was read: ``uri`` (a path), the file's SHA-256, the reader's name, and its place inside.

    ``part`` tells documents of one file apart (a line of ``corpus.jsonl``); it is empty for one-document files.
    """

    uri: str
    sha256: str
    reader: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block with its section and its character span in the document's canonical text."""

    section: Section
    path: tuple[str, ...]
    block: Block
    start: int
    end: int


@dataclass(frozen=True)
class Document:
    r"""One document.

    ``metadata`` holds JSON values. Plait itself reads these keys where they are present: ``authors`` (list of
    str), ``year`` (int), ``venue`` (str), ``topics`` (list of str), ``identifiers`` (mapping scheme -> value).

    Example:
        >>> paper = Document("a", "On braids", (Section("Intro", (Text("Three strands."),)),))
        >>> paper.text
        'On braids\n\nIntro\n\nThree strands.'
        >>> [(b.path, paper.text[b.start:b.end]) for b in paper.placed()]
        [(('Intro',), 'Three strands.')]
    """

    id: str
    title: str
    sections: tuple[Section, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    references: tuple[Reference, ...] = ()
    source: Source | None = None

    @cached_property
    def text(self) -> str:
        """The canonical text: title, then each section's heading and blocks, blank lines between."""
        parts = [self.title] if self.title else []
        for section in self.sections:
            if section.title:
                parts.append(section.title)
            parts += [block.text for block in section.blocks if block.text]
        return SEPARATOR.join(parts)

    def placed(self) -> Iterator[PlacedBlock]:
        """Every non-empty block in order, with its span in :attr:`text` and the titles of its sections."""
        position = len(self.title) + len(SEPARATOR) if self.title else 0
        path: list[tuple[int, str]] = []
        for section in self.sections:
            while path and path[-1][0] >= section.level:
                path.pop()
            if section.title:
                path.append((section.level, section.title))
                position += len(section.title) + len(SEPARATOR)
            titles = tuple(title for _, title in path)
            for block in section.blocks:
                length = len(block.text)
                if length:
                    yield PlacedBlock(section, titles, block, position, position + length)
                    position += length + len(SEPARATOR)


@dataclass(frozen=True, slots=True)
class Edge:
    """One fact, owned by its source document: it is replaced and removed together with it.

    Args:
        source: id of the document that states the fact.
        relation: ``cites``, ``same_as``, ``author``, ``venue``, ``topic`` or ``institution``.
        target: for ``cites`` and ``same_as`` the id of a document, empty while it is not known which; else the
            normalised key of the entity.
        confidence: how sure the target is, 0 to 1.
        label: the target as it was written: a reference string, a name.
    """

    source: str
    relation: str
    target: str
    confidence: float = 1.0
    label: str = ""


@dataclass(slots=True)
class ReadReport:
    """What a reader left out, counted. Nothing a reader skips may be silent.

    Example:
        >>> report = ReadReport()
        >>> report.skip("a.pdf", "running head", 12)
        >>> report.skipped["a.pdf", "running head"]
        12
    """

    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(where, what) -> how many."""
    failures: list[Exception] = field(default_factory=list)
    """Files or records that could not be read at all; the others went on."""

    def skip(self, where: str, what: str, count: int = 1) -> None:
        """Counts ``count`` things of one kind that were left out of ``where``."""
        self.skipped[where, what] += count

    def fail(self, error: Exception) -> None:
        """Notes that one file or record could not be read; reading goes on with the next."""
        self.failures.append(error)


@runtime_checkable
class Reader(Protocol):
    """Turns one path into documents."""

    def accepts(self, path: Path) -> bool:
        """Whether this reader reads ``path``: decided by name, or by a glance at the first bytes."""
        ...

    def read(self, path: Path, report: ReadReport) -> Iterator[Document]:
        """Yields the documents in ``path``.

        A record that cannot be read is reported with ``report.fail`` and the next one goes on; a file that
        cannot be read at all raises.

        Raises:
            ReadError: the file is unreadable; the message names it and says what to do.
        """
        ...
