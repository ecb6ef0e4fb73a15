"""Keeps the stored facts of an index right while documents come, change and go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from plait.contracts import Document, Edge, IndexView, Reference
from plait.docgraph.facts import citation_fact, reference_of, stated_facts, twin_facts, without_repeats
from plait.docgraph.normalisation import identifier_keys
from plait.docgraph.references import Record, Resolver
from plait.docgraph.relations import GraphSettings

__all__ = ["Linker", "by_source", "fact_settings", "updated_facts"]


class Linker:
    """Resolves references of one run of additions and removals.

    While the run goes on, each document's facts are worked out against what is known so far (:meth:`link`); at its end
    those that come out otherwise now are worked out again (:meth:`changes`). Whatever the order in which documents
    came, the same facts are stored in the end.

    Args:
        view: the index as it was before the run; None for an empty one, or when everything is put anew.
        settings: which metadata hold topics and institutions.

    Example:
        >>> from plait.contracts import Reference
        >>> citing = Document("a", "On a", (), {}, (Reference(title="A study of braids", year=2019),))
        >>> linker = Linker(None, GraphSettings())
        >>> facts = linker.link([citing])
        >>> facts[0].target
        ''
        >>> linker.link([Document("b", "A study of braids", (), {"year": 2019})])
        []
        >>> [(e.source, e.target) for e in linker.changes(facts)["a"]]
        [('a', 'b')]
    """

    def __init__(self, view: IndexView | None, settings: GraphSettings) -> None:
        self._view = view
        self._settings = settings
        self._resolver: Resolver | None = None
        self._changed: list[Record] = []

    def link(self, documents: Sequence[Document]) -> list[Edge]:
        """All facts of new and changed documents, as far as they can be known by now."""
        resolver = self._known()
        for document in documents:
            record = Record.of(document)
            former = resolver.remove(record.id)
            resolver.add(record)
            self._changed += [record] if former is None else [former, record]
        return [fact for document in documents for fact in stated_facts(document, resolver, self._settings)]

    def forget(self, document_ids: Iterable[str]) -> None:
        """Notes that documents have gone."""
        resolver = self._known()
        self._changed += [record for i in document_ids if (record := resolver.remove(i)) is not None]

    def restore(self, document_id: str) -> None:
        """Takes back that a document was new or changed: it stays as the index had it, or is not there."""
        resolver = self._known()
        resolver.remove(document_id)
        if self._view is not None and document_id in self._view.document_ids:
            resolver.add(self._stored(document_id, self._view))

    def changes(self, facts: Iterable[Edge], *, all_anew: bool = False) -> dict[str, list[Edge]]:
        """Facts that come out otherwise than they are stored, as complete lists by document.

        Args:
            facts: all that is stored now.
            all_anew: look at every reference again, because an earlier run was stopped before it came to this.
        """
        resolver = self._known()
        if all_anew:
            self._changed += resolver.records()
        if not self._changed:
            return {}
        return updated_facts(by_source(facts), self._changed, resolver)

    def _known(self) -> Resolver:
        if self._resolver is None:
            view = self._view
            ids = () if view is None else view.document_ids
            self._resolver = Resolver(self._stored(i, view) for i in ids if view is not None)
        return self._resolver

    @staticmethod
    def _stored(document_id: str, view: IndexView) -> Record:
        return Record.of_metadata(document_id, view.title(document_id), view.metadata(document_id))


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
        fresh += twin_facts(resolver.record(source), resolver)
        fresh = without_repeats(fresh, None)
        if set(fresh) != set(facts):
            made[source] = fresh
    return made


def by_source(facts: Iterable[Edge]) -> dict[str, list[Edge]]:
    """Facts by the document that states them, in their order."""
    found: dict[str, list[Edge]] = {}
    for fact in facts:
        found.setdefault(fact.source, []).append(fact)
    return found


def fact_settings(settings: GraphSettings) -> Mapping[str, Any]:
    """The settings that stored facts depend on (JSON); all others act only when a graph is built from them."""
    chosen = settings.model_dump(mode="json")
    return {name: list(chosen[name]) for name in ("topics_from", "institutions_from")}


def _resolved_again(fact: Edge, near: Resolver, moved: Mapping[str, Record], resolver: Resolver) -> Edge:
    reference = reference_of(fact.label) if fact.label else Reference(identifiers={"id": fact.target})
    named = reference.identifiers.get("id", "")
    gone = bool(fact.target) and fact.target not in resolver
    if not (gone or fact.target in moved or named in moved):
        keys = identifier_keys(reference.identifiers)
        affected = (fact.confidence < 1.0 and near.concerns(reference)) or _could_differ(
            keys, bool(named), near, resolver
        )
        if not affected:
            return fact
    return citation_fact(fact.source, reference, resolver.resolve(reference, fact.source))


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
