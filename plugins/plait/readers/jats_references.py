"""The bibliography of a JATS article."""

from __future__ import annotations

import re

from lxml import etree

from plait.contracts import Reference
from plait.readers.jats_inline import local, plain
from plait.readers.metadata import one_line

__all__ = ["references_of"]

_CITATIONS = {"element-citation", "mixed-citation", "citation", "nlm-citation"}
_TITLES = ("article-title", "chapter-title", "part-title", "data-title", "source")
_SCHEMES = {"doi": "doi", "pmid": "pmid", "pmc": "pmcid", "pmcid": "pmcid", "arxiv": "arxiv", "isbn": "isbn"}
_DOI = re.compile(r"10\.\d{4,9}/\S+")


def references_of(root: etree._Element) -> tuple[Reference, ...]:
    """Every citation of every reference list, in order."""
    made: list[Reference] = []
    for entry in root.iter():
        if local(entry) != "ref":
            continue
        citations = [found for found in entry.iter() if local(found) in _CITATIONS]
        made += [_reference(citation) for citation in citations]
        if not citations and (text := plain(entry)):
            made.append(Reference(text=text))
    return tuple(made)


def _reference(citation: etree._Element) -> Reference:
    found: dict[str, str] = {}
    for part in citation.iter():
        if local(part) and local(part) not in found:
            found[local(part)] = plain(part)
    title = next((found[name] for name in _TITLES if found.get(name)), "")
    digits = re.search(r"\d{4}", found.get("year", ""))
    year = int(digits.group()) if digits else None
    text = plain(citation) if local(citation) == "mixed-citation" else _written_out(citation, found)
    return Reference(text, title, year, _identifiers(citation))


def _written_out(citation: etree._Element, found: dict[str, str]) -> str:
    """An element citation holds only its parts; this joins them the way a reader expects."""
    people = []
    for person in citation.iter():
        if local(person) in {"name", "string-name"}:
            names = {local(child): plain(child) for child in person}
            people.append(one_line(f"{names.get('surname', '')} {names.get('given-names', '')}") or plain(person))
        elif local(person) == "collab":
            people.append(plain(person))
    titles = [found[name] for name in _TITLES if found.get(name)]
    pages = "-".join(found[name] for name in ("fpage", "lpage") if found.get(name))
    where = " ".join(part for part in (found.get("volume"), found.get("issue") and f"({found['issue']})") if part)
    parts = [", ".join(people), f"({found['year']})" if found.get("year") else "", *titles]
    parts += [where, pages, found.get("publisher-name", ""), found.get("pub-id", ""), found.get("uri", "")]
    return one_line(". ".join(part.rstrip(".") for part in parts if part)) or plain(citation)


def _identifiers(citation: etree._Element) -> dict[str, str]:
    identifiers: dict[str, str] = {}
    for part in citation.iter():
        name, value = local(part), plain(part)
        if name == "pub-id" and value:
            scheme = str(part.get("pub-id-type", "id")).lower()
            identifiers.setdefault(_SCHEMES.get(scheme, scheme), value)
        elif name in {"ext-link", "uri"}:
            link = str(part.get("{http://www.w3.org/1999/xlink}href", "")) or value
            if "doi.org/" in link and (doi := _DOI.search(link)):
                identifiers.setdefault("doi", doi.group())
    return {scheme: value for scheme, value in identifiers.items() if scheme != "id"}
