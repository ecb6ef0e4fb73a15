"""Settings of the document graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import Field

from plait.config import Settings

__all__ = ["DERIVED_FROM_ENTITIES", "ENTITY_KINDS", "EntityKind", "GraphSettings", "RelationName"]

RelationName = Literal[
    "cites",
    "cited_by",
    "co_citation",
    "bibliographic_coupling",
    "co_author",
    "co_venue",
    "co_topic",
    "co_institution",
    "same_as",
]
EntityKind = Literal["author", "venue", "topic", "institution"]

ENTITY_KINDS: tuple[EntityKind, ...] = get_args(EntityKind)
DERIVED_FROM_ENTITIES: Mapping[str, EntityKind] = {
    "co_author": "author",
    "co_venue": "venue",
    "co_topic": "topic",
    "co_institution": "institution",
}


class GraphSettings(Settings):
    """How facts about documents become relations between them.

    Example:
        >>> GraphSettings(relations=("cites", "co_author"), min_weight={"co_author": 2}).group_cap
        200
    """

    relations: tuple[RelationName, ...] = get_args(RelationName)
    """Relations the graph holds, each also when it is empty."""
    entity_nodes: tuple[EntityKind, ...] = ()
    """Kinds of entities that become nodes of their own in exports and tensors."""
    min_weight: Mapping[RelationName, int] = Field(default_factory=dict)
    """Pairs that share less than this are left out of a relation, such as ``{"co_citation": 2}``."""
    group_cap: int | None = Field(default=200, ge=2)
    """An author, venue, topic or institution of more documents ties none of them together: what nearly everyone
    shares says nothing, and its pairs grow with the square. It stays an entity. None lifts the cap."""
    citation_cap: int | None = Field(default=2_000, ge=2)
    """The same for the documents that cite one document (coupling) and that one document cites (co-citation)."""
    max_edges_per_relation: int = Field(default=20_000_000, ge=1)
    """Most pairs that are worked out for a derived relation. Where its groups could exceed that, the largest are left
    out before anything is multiplied, so that memory stays bounded; the report names them."""
    strongest: int | None = Field(default=None, ge=1)
    """Of each derived relation keep a pair only if it is among so many strongest of either document. Bounds what an
    encoder has to pass on, without giving up any document's best ties. None keeps all."""
    min_confidence: float = Field(default=0.5, ge=0.0, le=1.0)
    """Citations resolved with less confidence are left out."""
    time_respecting: bool = False
    """Leave out citations of later documents, before anything is derived from them. A citation is of a later
    document when both dates are known and the cited one is greater: by month where both months are known, else by
    year. Equal dates and unknown dates stay."""
    orientation: Literal["given", "date"] = "given"
    """``date`` turns every citation between documents of different dates so that the newer cites the older; for
    collections that record links without direction."""
    merge_duplicates: Literal["identifier", "title", "never"] = "identifier"
    """Documents that are the same paper count once: citations and entities of all of them are credited to the one
    whose id sorts first, the others keep only ``same_as``. ``identifier`` takes those for the same that share one;
    ``title`` also those of one title, year and set of authors, which may be a paper and its erratum. Either way both
    sorts are tied by ``same_as``."""
    topics_from: tuple[str, ...] = ("topics",)
    """Metadata keys that hold topics."""
    institutions_from: tuple[str, ...] = ("institutions",)
    """Metadata keys that hold institutions."""
