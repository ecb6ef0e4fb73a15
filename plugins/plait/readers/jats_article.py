"""One JATS article as a document: its front, body and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lxml import etree

from plait.contracts import Document, ReadReport, Section, Source
from plait.readers.headings import role_of
from plait.readers.jats_blocks import SectionBuilder
from plait.readers.jats_inline import local, plain
from plait.readers.jats_references import references_of

__all__ = ["article_of"]

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


def article_of(root: etree._Element, path: Path, source: Source, report: ReadReport) -> Document:
    """Builds the document. ``root`` is an ``article`` whose entities were not expanded."""
    meta = _first(root, "front", "article-meta")
    builder = SectionBuilder(path.as_posix(), report)
    for abstract in _all(meta, "abstract") + _all(meta, "trans-abstract"):
        builder.section(abstract, 1, "abstract", "Abstract")
    body = _first(root, "body")
    if body is not None:
        builder.open("", 1, "body")
        builder.content(body, 0)
    for part in _children(_first(root, "back")):
        _back(part, builder)
    floats = _first(root, "floats-group")
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
        _without_empty(builder.sections()),
        metadata,
        references_of(root),
        source,
    )


def _back(part: etree._Element, builder: SectionBuilder) -> None:
    name = local(part)
    if name == "ref-list":
        return  # typed apart, never evidence
    if name == "app-group":
        for child in _children(part):
            _back(child, builder)
        return
    given = plain(_first(part, "title"))
    role = "appendix" if name == "app" else role_of(given)
    builder.section(part, 1, role, _BACK_TITLES.get(name, ""))


def _title(meta: etree._Element | None) -> str:
    group = _first(meta, "title-group")
    main = plain(_first(group, "article-title"), leave_out=lambda element: local(element) in {"fn", "xref"})
    subtitle = plain(_first(group, "subtitle"))
    return f"{main}: {subtitle}" if main and subtitle else main or subtitle


def _metadata(root: etree._Element, meta: etree._Element | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    authors = [name for group in _all(meta, "contrib-group") for name in _authors(group)]
    if authors:
        made["authors"] = authors
    years = [plain(_first(date, "year")) for date in _all(meta, "pub-date")]
    if dated := [int(year) for year in years if year.isdecimal() and len(year) == 4]:
        made["year"] = min(dated)  # several dates: electronic first, then print
    journal = _first(root, "front", "journal-meta")
    grouped = _first(journal, "journal-title-group", "journal-title")
    if venue := plain(grouped if grouped is not None else _first(journal, "journal-title")):
        made["venue"] = venue
    topics = [plain(word) for group in _all(meta, "kwd-group") for word in group.iter() if local(word) == "kwd"]
    categories = _first(meta, "article-categories")
    if categories is not None:
        topics += [plain(subject) for subject in categories.iter() if local(subject) == "subject"]
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


def _authors(group: etree._Element) -> list[str]:
    names = []
    for contributor in group.iter():
        if local(contributor) != "contrib" or contributor.get("contrib-type", "author") != "author":
            continue
        name = next((e for e in contributor.iter() if local(e) in {"name", "string-name", "collab"}), None)
        if name is None:
            continue
        parts = {local(child): plain(child) for child in _children(name)}
        if parts.get("surname"):
            names.append(" ".join(p for p in (parts.get("given-names"), parts["surname"], parts.get("suffix")) if p))
        elif shown := plain(name, leave_out=lambda element: local(element) in {"contrib-group", "contrib"}):
            names.append(shown)
    return names


def _without_empty(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    return tuple(section for section in sections if section.title or section.blocks)


def _first(element: etree._Element | None, *names: str) -> etree._Element | None:
    for name in names:
        element = next((child for child in _children(element) if local(child) == name), None)
    return element


def _all(element: etree._Element | None, name: str) -> list[etree._Element]:
    return [child for child in _children(element) if local(child) == name]


def _children(element: etree._Element | None) -> list[etree._Element]:
    return [] if element is None else [child for child in element if isinstance(child.tag, str)]
