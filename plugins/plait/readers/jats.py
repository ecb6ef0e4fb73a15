"""JATS XML: journal articles with sections, figures, tables, equations and references.

NISO Z39.96, Journal Article Tag Suite. Nothing external is loaded: no DTD, no entity, no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from plait.config import Settings
from plait.contracts import Document, ReadReport, Source
from plait.contracts.errors import ReadError
from plait.readers.files import read_bytes, source_of
from plait.readers.headings import role_of
from plait.readers.jats_blocks import SectionBuilder
from plait.readers.jats_text import first, local, plain, references_of, under

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["Config", "JatsReader"]

_SUFFIXES = (".jats", ".nxml")
_GLANCE = 4096
"""Bytes looked at for the root's name: enough for a declaration, a document type and a comment above it."""
_FIRST_ELEMENT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_IDENTIFIERS = {"doi": "doi", "pmid": "pmid", "pmc": "pmcid", "pmcid": "pmcid", "arxiv": "arxiv"}
_READ = {
    "article-id", "title-group", "contrib-group", "abstract", "trans-abstract", "pub-date", "kwd-group",
    "article-categories", "volume", "issue", "fpage", "lpage", "elocation-id", "counts", "history", "pub-history",
}  # fmt: skip
_BACK_TITLES = {
    "ack": "Acknowledgements",
    "fn-group": "Notes",
    "glossary": "Glossary",
    "notes": "Notes",
    "bio": "Biography",
    "app": "Appendix",
}


class Config(Settings):
    """Settings of the reader ``jats``."""

    max_megabytes: int = Field(default=64, ge=1)
    """Larger files are refused."""


class JatsReader:
    """Reads JATS articles. The document's id is its DOI, else the file name's stem."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()

    def accepts(self, path: Path) -> bool:
        """Files named ``.jats`` or ``.nxml``, and ``.xml`` files whose root is ``article`` or that are no XML at all.

        The latter belong to no other reader; :meth:`read` refuses them by name.
        """
        if not path.is_file():
            return False
        if path.suffix.lower() in _SUFFIXES:
            return True
        return path.suffix.lower() == ".xml" and _root_name(path) in {"article", None}

    def read(self, path: Path, report: ReadReport) -> Iterator[Document]:
        """Yields the one article in ``path``.

        Raises:
            ReadError: the file is empty, too large, not well-formed, defines entities, or is not JATS.
        """
        data = read_bytes(path, self.config.max_megabytes)
        root = _parse(data, path)
        document = _article(root, path, source_of(path, data, "jats"), report)
        if not document.text:
            raise ReadError("the article has neither a title nor any text", where=str(path), fix="remove the file")
        yield document


def _root_name(path: Path) -> str | None:
    """The root's name; None if the file cannot be XML, empty if the root is not near its beginning."""
    try:
        with path.open("rb") as file:
            start = file.read(_GLANCE)
    except OSError:
        return None
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
    text = start.decode(encoding, "replace")
    found = _FIRST_ELEMENT.search(re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    if not text.lstrip("\ufeff\u00ef\u00bb\u00bf \t\r\n").startswith("<"):
        return None
    if not found:
        return None if len(start) < _GLANCE else ""
    return found[1]


def _parse(data: bytes, path: Path) -> _Element:
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ReadError(
            f"this is not well-formed XML: {error.msg}",
            where=f"{path}:{error.lineno or 1}",
            fix="correct the file, or fetch it again if it was cut off",
        ) from error
    dtd = root.getroottree().docinfo.internalDTD
    # lxml-stubs do not know this method of a DTD.
    if dtd is not None and (entity := next(iter(dtd.iterentities()), None)) is not None:  # type: ignore[union-attr]
        raise ReadError(
            f"the document type defines the entity {entity.name!r}; entities are never expanded or fetched",
            where=str(path),
            fix="remove the definition, and write the text where the entity is used",
        )
    name = etree.QName(root).localname
    parts = {etree.QName(child).localname for child in root if isinstance(child.tag, str)}
    if name != "article" or not parts & {"front", "body"}:
        raise ReadError(
            f"the root is <{name}> with {sorted(parts)[:5]}, not a JATS <article> with <front> or <body>",
            where=str(path),
            fix="give it to a reader for its own format, or leave it out of the corpus",
        )
    return root


def _article(root: _Element, path: Path, source: Source, report: ReadReport) -> Document:
    """Builds the document. ``root`` is an ``article`` whose entities were not expanded."""
    meta = first(root, "front", "article-meta")
    builder = SectionBuilder(path.as_posix(), report)
    for abstract in _all(meta, "abstract") + _all(meta, "trans-abstract"):
        builder.section(abstract, 1, "abstract", "Abstract")
    body = first(root, "body")
    if body is not None:
        builder.open("", 1, "body")
        builder.content(body, 0)
    for part in _children(first(root, "back")):
        _back(part, builder)
    floats = first(root, "floats-group")
    if floats is not None:
        builder.section(floats, 1, "body", "Figures and tables")
    for name in ("sub-article", "response"):
        if skipped := len(_all(root, name)):
            report.skip(path.as_posix(), f"<{name}>", skipped)
    for child in _children(meta):
        if local(child) not in _READ and plain(child):
            report.skip(path.as_posix(), f"front matter <{local(child)}>")
    metadata = _metadata(root, meta)
    return Document(
        metadata.get("identifiers", {}).get("doi") or path.stem,
        _title(meta) or path.stem,
        builder.sections(),
        metadata,
        references_of(root),
        source,
    )


def _back(part: _Element, builder: SectionBuilder) -> None:
    name = local(part)
    if name == "ref-list":
        return  # typed apart, never evidence
    if name == "app-group":
        for child in _children(part):
            _back(child, builder)
        return
    given = plain(first(part, "title"))
    role = "appendix" if name == "app" else role_of(given)
    builder.section(part, 1, role, _BACK_TITLES.get(name, ""))


def _title(meta: _Element | None) -> str:
    group = first(meta, "title-group")
    main = plain(first(group, "article-title"), leave_out=lambda element: local(element) in {"fn", "xref"})
    subtitle = plain(first(group, "subtitle"))
    return f"{main}: {subtitle}" if main and subtitle else main or subtitle


def _metadata(root: _Element, meta: _Element | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    authors = [name for group in _all(meta, "contrib-group") for name in _authors(group)]
    if authors:
        made["authors"] = authors
    years = [plain(first(date, "year")) for date in _all(meta, "pub-date")]
    if dated := [int(year) for year in years if year.isdecimal() and len(year) == 4]:
        made["year"] = min(dated)  # several dates: electronic first, then print
    journal = first(root, "front", "journal-meta")
    grouped = first(journal, "journal-title-group", "journal-title")
    if venue := plain(grouped if grouped is not None else first(journal, "journal-title")):
        made["venue"] = venue
    topics = [plain(word) for group in _all(meta, "kwd-group") for word in under(group, "kwd")]
    categories = first(meta, "article-categories")
    if categories is not None:
        topics += [plain(subject) for subject in under(categories, "subject")]
    if topics := list(dict.fromkeys(topic for topic in topics if topic)):
        made["topics"] = topics
    identifiers = {
        _IDENTIFIERS.get(kind, kind): value
        for found in _all(meta, "article-id")
        if (kind := str(found.get("pub-id-type", "id")).lower()) and (value := plain(found))
    }
    if identifiers:
        made["identifiers"] = identifiers
    return made


def _authors(group: _Element) -> list[str]:
    names = []
    for contributor in under(group, "contrib"):
        name = next(under(contributor, "name", "string-name", "collab"), None)
        if name is None or contributor.get("contrib-type", "author") != "author":
            continue
        parts = {local(child): plain(child) for child in _children(name)}
        if parts.get("surname"):
            names.append(" ".join(p for p in (parts.get("given-names"), parts["surname"], parts.get("suffix")) if p))
        elif shown := plain(name, leave_out=lambda element: local(element) in {"contrib-group", "contrib"}):
            names.append(shown)
    return names


def _all(element: _Element | None, name: str) -> list[_Element]:
    return [] if element is None else element.findall(f"{{*}}{name}")


def _children(element: _Element | None) -> list[_Element]:
    return [] if element is None else list(element.iterchildren("*"))
