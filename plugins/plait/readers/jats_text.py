"""Running text of JATS elements, and the references that are written in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.entities import name2codepoint
from typing import TYPE_CHECKING

from plait.contracts import Reference
from plait.readers.metadata import one_line

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["child_text", "first", "formula", "href", "local", "plain", "raw", "references_of", "under"]

LeaveOut = Callable[["_Element"], bool]

_EXPONENT = re.compile(r"[+\-\u2212\u2013]?[\w.]+")
_TEX_WRAP = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.DOTALL)
_SPACED = {"p", "title", "list-item", "td", "th", "break", "def", "term", "sec"}
_FORMULAS = {"inline-formula", "disp-formula", "tex-math", "math", "alternatives"}
_CITATIONS = ("element-citation", "mixed-citation", "citation", "nlm-citation")
_TITLES = ("article-title", "chapter-title", "part-title", "data-title", "source")
_SCHEMES = {"doi": "doi", "pmid": "pmid", "pmc": "pmcid", "pmcid": "pmcid", "arxiv": "arxiv", "isbn": "isbn"}
_DOI = re.compile(r"10\.\d{4,9}/\S+")


def local(element: _Element) -> str:
    """The tag without its namespace; empty for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def first(element: _Element | None, *names: str) -> _Element | None:
    """The element that is reached by going down from child to child of these names."""
    return None if element is None else element.find("/".join(f"{{*}}{name}" for name in names))


def under(element: _Element, *names: str) -> Iterator[_Element]:
    """``element`` and all under it, in document order, that have one of these names."""
    return element.iter(*(f"{{*}}{name}" for name in names))


def href(element: _Element) -> str:
    """Where a graphic or a link points."""
    return str(element.get("{http://www.w3.org/1999/xlink}href", ""))


def plain(element: _Element | None, leave_out: LeaveOut | None = None) -> str:
    """All text under ``element`` on one line, formulas as LaTeX; elements for which ``leave_out`` holds are skipped.

    Example:
        >>> from lxml import etree
        >>> plain(etree.fromstring("<p>10<sup>5</sup> of <tex-math>$k_1$</tex-math></p>"))
        '10^5 of k_1'
    """
    return "" if element is None else one_line(raw(element, leave_out))


def raw(element: _Element, leave_out: LeaveOut | None = None) -> str:
    """Like :func:`plain`, with the white space as it stands."""
    parts = [element.text or ""]
    for child in element:
        parts.append(child_text(child, "".join(parts[-2:]), leave_out))
    return "".join(parts)


def child_text(child: _Element, before: str, leave_out: LeaveOut | None = None) -> str:
    """What one child adds to running text that ends with ``before``: its own text and what follows it."""
    tail = child.tail or ""
    if not isinstance(child.tag, str):
        # Named characters (&nbsp;) of a DTD that was not loaded; articles that define entities were refused.
        name = getattr(child, "name", "")
        known = name2codepoint.get(name)
        return (chr(known) if known else f"&{name};" if name else "") + tail
    if leave_out and leave_out(child):
        return tail
    name = local(child)
    if name in _FORMULAS:
        return formula(child) + tail
    text = raw(child, leave_out)
    if name in _SPACED:
        text = f" {text} "
    elif name == "sup" and before[-1:].isalnum() and len(child) == 0 and _EXPONENT.fullmatch(text.strip()):
        text = "^" + text.strip()  # 10<sup>5</sup> is not 105
    return text + tail


def formula(element: _Element) -> str:
    """LaTeX if the formula has it, else the text of its MathML or of itself."""
    tex = next(under(element, "tex-math"), None)
    if tex is not None:
        source = "".join(str(part) for part in tex.itertext())
        wrapped = _TEX_WRAP.search(source)
        return one_line(wrapped[1] if wrapped else source).strip("$ ")
    maths = next(under(element, "math"), None)
    chosen = element if maths is None else maths
    label = first(element, "label")
    parts = [
        text
        for node in chosen.iter()
        if node is not label
        for text in (node.text if isinstance(node.tag, str) else "", node.tail if node is not chosen else "")
        if text
    ]
    return one_line(" ".join(parts) if maths is not None else "".join(parts))


def references_of(root: _Element) -> tuple[Reference, ...]:
    """Every citation of every reference list, in order."""
    made: list[Reference] = []
    for entry in under(root, "ref"):
        citations = [_reference(citation) for citation in under(entry, *_CITATIONS)]
        made += citations
        if not citations and (text := plain(entry)):
            made.append(Reference(text=text))
    return tuple(made)


def _reference(citation: _Element) -> Reference:
    found: dict[str, str] = {}
    for part in citation.iter("*"):
        if local(part) not in found:
            found[local(part)] = plain(part)
    title = next((found[name] for name in _TITLES if found.get(name)), "")
    digits = re.search(r"\d{4}", found.get("year", ""))
    year = int(digits.group()) if digits else None
    text = plain(citation) if local(citation) == "mixed-citation" else _written_out(citation, found)
    return Reference(text, title, year, _identifiers(citation))


def _written_out(citation: _Element, found: dict[str, str]) -> str:
    """An element citation holds only its parts; this joins them the way a reader expects."""
    people = []
    for person in under(citation, "name", "string-name", "collab"):
        names = {local(child): plain(child) for child in person} if local(person) != "collab" else {}
        people.append(one_line(f"{names.get('surname', '')} {names.get('given-names', '')}") or plain(person))
    titles = [found[name] for name in _TITLES if found.get(name)]
    pages = "-".join(found[name] for name in ("fpage", "lpage") if found.get(name))
    where = " ".join(part for part in (found.get("volume"), found.get("issue") and f"({found['issue']})") if part)
    parts = [", ".join(people), f"({found['year']})" if found.get("year") else "", *titles]
    parts += [where, pages, found.get("publisher-name", ""), found.get("pub-id", ""), found.get("uri", "")]
    return one_line(". ".join(part.rstrip(".") for part in parts if part)) or plain(citation)


def _identifiers(citation: _Element) -> dict[str, str]:
    identifiers: dict[str, str] = {}
    for part in under(citation, "pub-id", "ext-link", "uri"):
        value = plain(part)
        if local(part) == "pub-id":
            scheme = str(part.get("pub-id-type", "id")).lower()
            if value and scheme != "id":
                identifiers.setdefault(_SCHEMES.get(scheme, scheme), value)
        elif "doi.org/" in (link := href(part) or value) and (doi := _DOI.search(link)):
            identifiers.setdefault("doi", doi.group())
    return identifiers
