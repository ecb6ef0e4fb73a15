"""JATS XML: journal articles with sections, figures, tables, equations and references.

NISO Z39.96, Journal Article Tag Suite. Nothing external is loaded: no DTD, no entity, no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from plait.config import Settings
from plait.contracts import Document, ReadReport
from plait.contracts.errors import ReadError
from plait.readers.files import read_bytes, source_of

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["Config", "JatsReader"]

_SUFFIXES = (".jats", ".nxml")
_GLANCE = 4096
_FIRST_ELEMENT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")


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
        from plait.readers.jats_article import article_of

        data = read_bytes(path, self.config.max_megabytes)
        root = _parse(data, path)
        document = article_of(root, path, source_of(path, data, "jats"), report)
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
