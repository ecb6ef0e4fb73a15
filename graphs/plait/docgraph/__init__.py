"""The document graph: who cites whom, who wrote with whom, what belongs together, from documents alone.

Facts that documents state (:mod:`plait.docgraph.facts`) are stored with the index; all relations between documents are
derived from them when a graph is loaded (:mod:`plait.docgraph.relations`).
"""

from plait.docgraph.assembly import Entities, Node
from plait.docgraph.facts import FactsReport, facts_of, updated_facts
from plait.docgraph.graph import DocumentGraph, build_graph
from plait.docgraph.records import Record, date_of
from plait.docgraph.references import Resolution, Resolver
from plait.docgraph.relations import Relation
from plait.docgraph.report import GraphReport
from plait.docgraph.settings import ENTITY_KINDS, GraphSettings

__all__ = [
    "ENTITY_KINDS",
    "DocumentGraph",
    "Entities",
    "FactsReport",
    "GraphReport",
    "GraphSettings",
    "Node",
    "Record",
    "Relation",
    "Resolution",
    "Resolver",
    "build_graph",
    "date_of",
    "facts_of",
    "updated_facts",
]
