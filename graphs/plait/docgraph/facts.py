"""What documents say of each other and of the world, as rows of the index's ``edges`` table.

Each fact is owned by the document that states it, so that it is replaced and removed with it. References that name no
known document are kept, and looked at again when documents come, change or go. What is stored after any order of
additions makes the same graph as building it at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from plait.contracts import Document, Edge, Reference
from plait.docgraph.identifiers import identifier_keys
from plait.docgraph.labels import label_of, reference_of
from plait.docgraph.names import authors_of
from plait.docgraph.normalising import topic_key, venue_key
from plait.docgraph.records import Record
from plait.docgraph.references import Resolution, Resolver
from plait.docgraph.settings import GraphSettings

__all__ = ["FactsReport", "facts_of", "report_of", "stated_facts", "updated_facts"]

_EXAMPLES = 100


@dataclass(slots=True)
class FactsReport:
    """How references were resolved: counts by how, by why not, and some examples of what was not.

    Args:
        resolved: how -> count, such as ``{"doi": 12, "title": 3}``.
        unresolved: reason -> count.
        examples: (source id, reason, label) of unresolved references, the first hundred.
        repeated: references left out because their document holds the same one before.
    """

    resolved: Counter[str] = field(default_factory=Counter)
    unresolved: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str, str]] = field(default_factory=list)
    repeated: int = 0


def facts_of(
    documents: Iterable[Document],
    resolver: Resolver,
    *,
    stored: Mapping[str, Sequence[Edge]] | None = None,
    settings: GraphSettings | None = None,
    report: FactsReport | None = None,
) -> dict[str, list[Edge]]:
    """All facts of ``documents``, and of stored documents whose references now resolve otherwise.

    Args:
        documents: new and changed documents; ``resolver`` already holds their records.
        resolver: over all documents that will be in the index.
        stored: document id -> its facts, of documents that stay as they are. Only those with a citation of
            confidence below 1, or of a document that is gone, matter.
        settings: which metadata keys hold topics and institutions.
        report: filled with what was resolved and what was not, for ``documents``.

    Returns:
        Document id -> its complete facts, which replace what is stored of it.
    """
    batch = list(documents)
    made = {
        document.id: list(stated_facts(document, resolver, settings or GraphSettings(), report)) for document in batch
    }
    if stored:
        others = {source: facts for source, facts in stored.items() if source not in made}
        made |= updated_facts(others, [Record.of(document) for document in batch], resolver)
    return made


def updated_facts(
    stored: Mapping[str, Sequence[Edge]], changed: Iterable[Record], resolver: Resolver
) -> dict[str, list[Edge]]:
    """Stored facts that come out otherwise now, as complete lists by document.

    Only references that a changed document could answer are resolved again: those below full confidence that concern
    it, and those whose document is gone.

    Args:
        stored: document id -> its facts.
        changed: records of documents that are new or changed, and of removed ones as they were.
        resolver: over all documents that are in the index now.
    """
    moved: dict[str, Record] = {}
    near = Resolver()
    for number, record in enumerate(changed):
        moved[record.id] = record
        # Old and new form of one document both count; here only what they are called matters.
        near.add(Record(f"{number}:{record.id}", record.title, record.year, record.identifiers, record.surnames))
    made: dict[str, list[Edge]] = {}
    for source, facts in stored.items():
        if source not in resolver:
            continue
        fresh: list[Edge] = []
        for fact in facts:
            if fact.relation == "cites":
                fresh.append(_resolved_again(fact, near, moved, resolver))
            elif fact.relation != "same_as":
                fresh.append(fact)
        fresh += _same_as(resolver.record(source), resolver)
        fresh = _without_repeats(fresh, None)
        if set(fresh) != set(facts):
            made[source] = fresh
    return made


def stated_facts(
    document: Document, resolver: Resolver, settings: GraphSettings, report: FactsReport | None = None
) -> Iterator[Edge]:
    """The facts that one document states: whom it cites, who wrote it, where, about what, and which are its twins."""
    cited = []
    for written in document.references:
        # What is stored of it is all that a later run can go by, so this one goes by no more.
        reference = reference_of(label_of(written))
        found = resolver.resolve(reference, document.id)
        cited.append(_citation(document.id, reference, found))
        if report is not None:
            (report.resolved if found.target else report.unresolved)[found.how] += 1
            if not found.target and len(report.examples) < _EXAMPLES:
                report.examples.append((document.id, found.how, cited[-1].label))
    yield from _without_repeats(cited, report)
    metadata = document.metadata
    for author in authors_of(metadata):
        yield Edge(document.id, "author", author.key, 1.0, author.label)
    yield from _entities(document.id, "venue", ("venue",), metadata, venue_key)
    yield from _entities(document.id, "topic", settings.topics_from, metadata, topic_key)
    yield from _entities(document.id, "institution", settings.institutions_from, metadata, topic_key)
    yield from _same_as(resolver.record(document.id), resolver)


def report_of(facts: Iterable[Edge], resolver: Resolver) -> FactsReport:
    """How stored references were resolved and why others were not, found out by resolving them again."""
    report = FactsReport()
    for fact in facts:
        if fact.relation != "cites":
            continue
        found = resolver.resolve(reference_of(fact.label), fact.source) if fact.label else None
        if found is None or found.target:
            report.resolved["id" if found is None else found.how] += 1
        else:
            report.unresolved[found.how] += 1
            if len(report.examples) < _EXAMPLES:
                report.examples.append((fact.source, found.how, fact.label))
    return report


def _citation(source: str, reference: Reference, found: Resolution) -> Edge:
    # A reference that is nothing but the target's id needs no label to be understood.
    bare = found.how == "id" and not reference.text and not reference.title and len(reference.identifiers) == 1
    return Edge(source, "cites", found.target, found.confidence, "" if bare else label_of(reference))


def _resolved_again(fact: Edge, near: Resolver, moved: Mapping[str, Record], resolver: Resolver) -> Edge:
    reference = reference_of(fact.label) if fact.label else Reference(identifiers={"id": fact.target})
    named = reference.identifiers.get("id", "")
    gone = bool(fact.target) and fact.target not in resolver
    if not (gone or fact.target in moved or named in moved):
        if fact.confidence == 1.0:
            affected = _could_differ(identifier_keys(reference.identifiers), bool(named), near, resolver)
        else:
            affected = near.concerns(reference) or _could_differ(
                identifier_keys(reference.identifiers), bool(named), near, resolver
            )
        if not affected:
            return fact
    return _citation(fact.source, reference, resolver.resolve(reference, fact.source))


def _could_differ(keys: Sequence[str], named: bool, near: Resolver, resolver: Resolver) -> bool:
    """Whether changed documents can matter to a reference with identifiers.

    They do if they have one of them, or where several documents have them: by its title another one may tell these
    apart, or no longer.
    """
    if len(keys) <= named:
        return False
    return near.knows_any(keys) or (
        len(keys) > 1 and any(near.knows_title(owner.title) for owner in resolver.owners(keys))
    )


def _same_as(record: Record, resolver: Resolver) -> list[Edge]:
    """One edge to the first twin by each evidence ties all of them together without their square."""
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


def _without_repeats(facts: Iterable[Edge], report: FactsReport | None) -> list[Edge]:
    """Equal references once. Different ones of one target all stay: another document may come to tell them apart."""
    made: dict[tuple[str, str, str], Edge] = {}
    for fact in facts:
        key = (fact.relation, fact.target, fact.label)
        if key in made and report is not None:
            report.repeated += 1
        made.setdefault(key, fact)
    return list(made.values())
