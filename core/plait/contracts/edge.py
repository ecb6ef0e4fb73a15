"""Facts that tie documents together: the rows of the index's ``edges`` table."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Edge"]


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
