"""What happened while a graph was built.

Nothing is dropped, merged or left out without a line here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plait.docgraph.authors import Persons

__all__ = ["FactsReport", "GraphReport", "LeftOut"]

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
