"""The document graph: who cites whom, who wrote with whom, what belongs together, from documents alone.

Facts that documents state (:mod:`plait.docgraph.facts`) are stored with the index; all relations between documents are
derived from them when a graph is loaded (:mod:`plait.docgraph.relations`).
"""

from plait.docgraph.assembly import Entities, Node
from plait.docgraph.convert_networkx import from_networkx, to_networkx
from plait.docgraph.convert_pyg import to_hetero_data
from plait.docgraph.drawing import draw
from plait.docgraph.facts import FactsReport, facts_of, updated_facts
from plait.docgraph.graph import DocumentGraph, build_graph
from plait.docgraph.graphml import write_graphml
from plait.docgraph.jsonl import write_jsonl
from plait.docgraph.linking import Linker, fact_settings
from plait.docgraph.neighbourhood import Neighbour, Neighbourhood, Tie
from plait.docgraph.picture_html import draw_html
from plait.docgraph.picture_png import draw_png
from plait.docgraph.reading import graph_of_view
from plait.docgraph.records import Record, date_of
from plait.docgraph.references import Resolution, Resolver
from plait.docgraph.relations import Relation
from plait.docgraph.report import GraphReport
from plait.docgraph.settings import ENTITY_KINDS, GraphSettings
from plait.docgraph.statistics import GraphStatistics

__all__ = [
    "ENTITY_KINDS",
    "DocumentGraph",
    "Entities",
    "FactsReport",
    "GraphReport",
    "GraphSettings",
    "GraphStatistics",
    "Linker",
    "Neighbour",
    "Neighbourhood",
    "Node",
    "Record",
    "Relation",
    "Resolution",
    "Resolver",
    "Tie",
    "build_graph",
    "date_of",
    "draw",
    "draw_html",
    "draw_png",
    "fact_settings",
    "facts_of",
    "from_networkx",
    "graph_of_view",
    "to_hetero_data",
    "to_networkx",
    "updated_facts",
    "write_graphml",
    "write_jsonl",
]
