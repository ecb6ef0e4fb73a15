"""Queries that are papers: which document is the query itself, and which of its facets is meant.

Query by example asks with a paper, faceted query by example with one side of it, such as its method (CSFCube, Mysore et
al. 2021, arXiv:2103.12906). A query says so in its metadata, or by its id:

=====================================  ==============================  ==========
what the query has                     its own paper                   its facet
=====================================  ==============================  ==========
metadata ``document`` or ``paper_id``  that document, or all of a list
metadata ``facet``                                                     that one
id ``1587``, a document of the corpus  ``1587``
id ``1587_method``, ``1587-method``    ``1587``, if in the corpus      ``method``
=====================================  ==============================  ==========

What stands first decides. The last one is read only where the id before the suffix is a document.
"""

from __future__ import annotations

from collections.abc import Mapping

from plait.evaluation.retrieval.collections import Collection, CollectionQuery

__all__ = ["facet_of", "facets", "own_documents", "own_documents_of"]

OWN = ("document", "paper_id")
"""Keys of a query's metadata that name its own document."""


def own_documents(collection: Collection) -> dict[str, frozenset[str]]:
    """Query -> the documents of the corpus that are the query itself; queries without any are left out."""
    found = {name: own_documents_of(query, collection.document_ids) for name, query in collection.queries.items()}
    return {name: documents for name, documents in found.items() if documents}


def own_documents_of(query: CollectionQuery, document_ids: frozenset[str]) -> frozenset[str]:
    """The documents of the corpus that are the query itself.

    Example:
        >>> corpus = frozenset({"1587", "929877"})
        >>> sorted(own_documents_of(CollectionQuery("1587_method", "?"), corpus))
        ['1587']
        >>> sorted(own_documents_of(CollectionQuery("q7", "?", {"paper_id": 929877}), corpus))
        ['929877']
    """
    for key in OWN:
        if (named := query.metadata.get(key)) not in (None, "", []):
            each = named if isinstance(named, list | tuple) else [named]
            return frozenset(map(str, each)) & document_ids
    if query.id in document_ids:
        return frozenset({query.id})
    paper, _ = _halves(query.id, document_ids)
    return frozenset({paper}) & document_ids


def facet_of(query: CollectionQuery, document_ids: frozenset[str]) -> str | None:
    """The facet that is meant, if any.

    Example:
        >>> facet_of(CollectionQuery("1587_method", "?"), frozenset({"1587"}))
        'method'
        >>> facet_of(CollectionQuery("query_zero", "?"), frozenset({"1587"})) is None
        True
    """
    if (named := query.metadata.get("facet")) not in (None, ""):
        return str(named)
    return _halves(query.id, document_ids)[1]


def _halves(name: str, document_ids: frozenset[str]) -> tuple[str, str | None]:
    """The longest id of a document that the name begins with, and the word behind it.

    Example:
        >>> _halves("1587_related_work", frozenset({"1587"})), _halves("1587_2", frozenset({"1587"}))
        (('1587', 'related_work'), ('1587_2', None))
    """
    if name not in document_ids:
        for end in range(len(name) - 1, 0, -1):
            if name[end] in "_-" and name[end + 1 : end + 2].isalpha() and name[:end] in document_ids:
                return name[:end], name[end + 1 :]
    return name, None


def facets(collection: Collection) -> Mapping[str, tuple[str, ...]]:
    """Facet -> its queries, in the order of the collection; empty where no query has one."""
    found: dict[str, list[str]] = {}
    for name, query in collection.queries.items():
        if (facet := facet_of(query, collection.document_ids)) is not None:
            found.setdefault(facet, []).append(name)
    return {facet: tuple(names) for facet, names in found.items()}
