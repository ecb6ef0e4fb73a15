"""What documents say of each other and of the world, as rows of the index's ``edges`` table.

Each fact is owned by the document that states it, so that it is replaced and removed with it. References that name no
known document are kept, as one line of text that can be read back (:func:`label_of`), and are looked at again when
documents come, change or go (:mod:`plait.docgraph.linking`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from plait.contracts import Document, Edge, Reference
from plait.docgraph.authors import authors_of
from plait.docgraph.normalisation import topic_key, venue_key
from plait.docgraph.references import Record, Resolution, Resolver
from plait.docgraph.relations import GraphSettings
from plait.docgraph.report import FactsReport

__all__ = ["citation_fact", "label_of", "reference_of", "report_of", "stated_facts", "twin_facts", "without_repeats"]

_MOST = 4_000  # letters that are kept of an entry: longer ones are a page that was read as one
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_MEANT = {written: meant for meant, written in _ESCAPES.items()}
_ESCAPE = re.compile(r"\\[\\tnr]")


def stated_facts(
    document: Document, resolver: Resolver, settings: GraphSettings, report: FactsReport | None = None
) -> Iterator[Edge]:
    """The facts that one document states: whom it cites, who wrote it, where, about what, and which are its twins."""
    cited = []
    for written in document.references:
        # What is stored of it is all that a later run can go by, so this one goes by no more.
        reference = reference_of(label_of(written))
        found = resolver.resolve(reference, document.id)
        cited.append(citation_fact(document.id, reference, found))
        if report is not None:
            report.count(document.id, found.how, cited[-1].label, resolved=bool(found.target))
    yield from without_repeats(cited, report)
    metadata = document.metadata
    for author in authors_of(metadata):
        yield Edge(document.id, "author", author.key, 1.0, author.label)
    yield from _entities(document.id, "venue", ("venue",), metadata, venue_key)
    yield from _entities(document.id, "topic", settings.topics_from, metadata, topic_key)
    yield from _entities(document.id, "institution", settings.institutions_from, metadata, topic_key)
    yield from twin_facts(resolver.record(document.id), resolver)


def report_of(facts: Iterable[Edge], resolver: Resolver) -> FactsReport:
    """How stored references were resolved and why others were not, found out by resolving them again."""
    report = FactsReport()
    for fact in facts:
        if fact.relation != "cites":
            continue
        found = Resolution(fact.target, 1.0, "id")  # what needs no label is the target's id, see citation_fact()
        if fact.label or not fact.target:
            found = resolver.resolve(reference_of(fact.label), fact.source)
        report.count(fact.source, found.how, fact.label, resolved=bool(found.target))
    return report


def citation_fact(source: str, reference: Reference, found: Resolution) -> Edge:
    """A reference of ``source`` and what it was resolved to, which may be nothing."""
    # A reference that is nothing but the target's id needs no label to be understood.
    bare = found.how == "id" and not reference.text and not reference.title and len(reference.identifiers) == 1
    return Edge(source, "cites", found.target, found.confidence, "" if bare else label_of(reference))


def twin_facts(record: Record, resolver: Resolver) -> list[Edge]:
    """``same_as``: one edge to the first twin by each evidence ties all of them together without their square."""
    first: dict[str, float] = {}
    for group in resolver.twins_of(record):
        first.setdefault(*group[0])
    return [Edge(record.id, "same_as", other, confidence) for other, confidence in first.items()]


def _entities(source: str, relation: str, keys: Sequence[str], metadata: Mapping[str, Any], key_of: Any) -> list[Edge]:
    made: dict[str, Edge] = {}
    for name in keys:
        given = metadata.get(name)
        for entry in given if isinstance(given, list | tuple) else [given]:
            if isinstance(entry, str | int | float) and not isinstance(entry, bool) and (key := key_of(str(entry))):
                made.setdefault(key, Edge(source, relation, key, 1.0, " ".join(str(entry).split())))
    return list(made.values())


def without_repeats(facts: Iterable[Edge], report: FactsReport | None) -> list[Edge]:
    """Equal references once. Different ones of one target all stay: another document may come to tell them apart."""
    made: dict[tuple[str, str, str], Edge] = {}
    for fact in facts:
        key = (fact.relation, fact.target, fact.label)
        if key in made and report is not None:
            report.repeated += 1
        made.setdefault(key, fact)
    return list(made.values())


def label_of(reference: Reference) -> str:
    r"""The entry as it was written, then ``key=value`` fields after tabs.

    Example:
        >>> label_of(Reference("Doe: On x. 1999.", "On x", 1999, {"doi": "10.1/x"}))
        'Doe: On x. 1999.\ttitle=On x\tyear=1999\tdoi=10.1/x'
    """
    fields = [_line(reference.text)]
    if reference.title:
        fields.append(f"title={_line(reference.title)}")
    if reference.year is not None:
        fields.append(f"year={reference.year}")
    fields += [f"{_line(scheme)}={_escaped(value)}" for scheme, value in reference.identifiers.items()]
    return "\t".join(fields)


def reference_of(label: str) -> Reference:
    r"""The reference that :func:`label_of` wrote.

    Example:
        >>> reference_of("\tid=bert").identifiers
        {'id': 'bert'}
    """
    text, *fields = label.split("\t")
    found = {key: value for key, _, value in (field.partition("=") for field in fields)}
    title, year = found.pop("title", ""), found.pop("year", "")
    identifiers = {scheme: _meant(value) for scheme, value in found.items()}
    return Reference(text, title, int(year) if year.isdecimal() else None, identifiers)


def _escaped(value: str) -> str:
    """An identifier in one line: unlike a title it is another one with other blanks."""
    return "".join(_ESCAPES.get(character, character) for character in value)


def _meant(value: str) -> str:
    return _ESCAPE.sub(lambda found: _MEANT[found[0]], value)


def _line(text: str) -> str:
    return " ".join(text.split())[:_MOST]
