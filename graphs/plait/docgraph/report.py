"""A graph in figures, and what happened while it was built.

Nothing is dropped, merged or left out without a line here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.config import require
from plait.docgraph.authors import Persons
from plait.docgraph.relations import Relation, sparse

if TYPE_CHECKING:
    from plait.docgraph.graph import DocumentGraph

__all__ = ["Degrees", "FactsReport", "GraphReport", "GraphStatistics", "LeftOut", "statistics_of"]

_EXAMPLES = 100  # unresolved references that are kept by name
_SHOWN = 20  # entries of a long list in JSON


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

    def count(self, source: str, how: str, label: str, *, resolved: bool) -> None:
        """Counts one reference of ``source``."""
        (self.resolved if resolved else self.unresolved)[how] += 1
        if not resolved and len(self.examples) < _EXAMPLES:
            self.examples.append((source, how, label))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A group that ties no documents together because it is too large.

    Args:
        relation: the derived relation it is missing from.
        group: the entity's key, or the id of the document that is cited, or that cites.
        size: how many documents it has.
    """

    relation: str
    group: str
    size: int


@dataclass(frozen=True)
class GraphReport:
    """Counts of what was found and what was left out.

    Args:
        references: references that documents hold, equal ones of one document once.
        resolved: those that name a document of this graph.
        dangling: those whose document is not (or no longer) here.
        unresolved: those that were never tied to a document.
        unsure: resolved below the least confidence, left out.
        mean_confidence: of the resolved ones.
        self_citations: left out.
        future_citations: of later documents; left out if the settings say so.
        turned: citations turned to point from the newer to the older document.
        mutual: pairs of documents that cite each other, a cycle of two; kept.
        repeated: citations of one document by another beyond the first, left out.
        duplicates: documents that were taken for another one, id -> id.
        persons: author names merged into a fuller form, and those that could be several people.
        left_out: groups too large to tie documents together, largest first within each relation.
        facts: how references were resolved; None when the graph was made of stored facts.
    """

    references: int = 0
    resolved: int = 0
    dangling: int = 0
    unresolved: int = 0
    unsure: int = 0
    mean_confidence: float = float("nan")
    self_citations: int = 0
    future_citations: int = 0
    turned: int = 0
    mutual: int = 0
    repeated: int = 0
    duplicates: Mapping[str, str] = field(default_factory=dict)
    persons: Persons = field(default_factory=Persons)
    left_out: tuple[LeftOut, ...] = ()
    facts: FactsReport | None = None

    @property
    def resolved_share(self) -> float:
        """Resolved references over all; NaN where there are none."""
        return self.resolved / self.references if self.references else float("nan")

    def to_json(self) -> dict[str, Any]:
        """As JSON values; of long lists their length and the first entries."""
        names = (
            *("references", "resolved", "dangling", "unresolved", "unsure", "self_citations", "future_citations"),
            *("turned", "mutual", "repeated"),
        )
        made: dict[str, Any] = {name: getattr(self, name) for name in names}
        made["resolved_share"] = self.resolved_share if self.references else None
        made["mean_confidence"] = self.mean_confidence if self.resolved else None
        made["duplicates"] = _first(self.duplicates)
        made["names_merged"] = _first(self.persons.merged)
        made["names_ambiguous"] = _first({key: list(of) for key, of in self.persons.ambiguous.items()})
        largest = [{"relation": o.relation, "group": o.group, "documents": o.size} for o in self.left_out[:_SHOWN]]
        made["groups_left_out"] = {"count": len(self.left_out), "largest": largest}
        if self.facts is not None:
            made["resolved_by"] = dict(self.facts.resolved)
            made["unresolved_because"] = dict(self.facts.unresolved)
            made["unresolved_examples"] = [list(example) for example in self.facts.examples[:_SHOWN]]
        return made


def _first(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"count": len(found), "first": dict(list(found.items())[:_SHOWN])}


@dataclass(frozen=True, slots=True)
class Degrees:
    """How many edges of one relation leave a document, over all documents."""

    edges: int
    documents: int
    mean: float
    median: float
    p90: float
    largest: int


@dataclass(frozen=True, slots=True)
class GraphStatistics:
    """Counts over a whole graph.

    Args:
        documents: nodes.
        entities: kind -> how many there are.
        relations: name -> edges (an undirected pair once), documents with at least one, and the degrees.
        components: connected components over all relations, isolated documents included.
        largest_component: documents in the largest of them.
        isolated: documents that no relation touches.
        resolved_share: references that name a document here, over all; NaN where there are none.
    """

    documents: int
    entities: Mapping[str, int]
    relations: Mapping[str, Degrees]
    components: int
    largest_component: int
    isolated: int
    resolved_share: float

    def to_json(self) -> dict[str, Any]:
        """As JSON values; NaN becomes None."""
        made = asdict(self)
        made["resolved_share"] = None if math.isnan(self.resolved_share) else self.resolved_share
        return made


def statistics_of(graph: DocumentGraph) -> GraphStatistics:
    """Counts nodes, edges, degrees and components."""
    nodes = len(graph)
    csgraph = require("scipy.sparse.csgraph", "plait[graph]", needed_by="document graph")
    touched = np.zeros(nodes, dtype=bool)
    total = sparse().csr_array((nodes, nodes), dtype=np.float32)
    for relation in graph.relations.values():
        touched[relation.source] = True
        touched[relation.target] = True
        total = total + relation.matrix(nodes)
    components, sizes = 0, np.zeros(1, dtype=np.int64)
    if nodes:
        components, labels = csgraph.connected_components(total, directed=False)
        sizes = np.bincount(labels)
    return GraphStatistics(
        documents=nodes,
        entities={kind: len(entities) for kind, entities in graph.entities.items()},
        relations={name: _degrees(relation, nodes) for name, relation in graph.relations.items()},
        components=int(components),
        largest_component=int(sizes.max()),
        isolated=int((~touched).sum()),
        resolved_share=graph.report.resolved_share,
    )


def _degrees(relation: Relation, nodes: int) -> Degrees:
    if not nodes:
        return Degrees(0, 0, 0.0, 0.0, 0.0, 0)
    counts = np.bincount(relation.source, minlength=nodes)
    median, p90 = np.quantile(counts, (0.5, 0.9))
    return Degrees(
        relation.pairs, int((counts > 0).sum()), float(counts.mean()), float(median), float(p90), int(counts.max())
    )
