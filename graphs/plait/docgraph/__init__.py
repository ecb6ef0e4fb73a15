"""The document graph: who cites whom, who wrote with whom, what belongs together, from documents alone.

Facts that documents state (:mod:`plait.docgraph.facts`) are stored with the index; all relations between documents are
derived from them when a graph is loaded (:mod:`plait.docgraph.graph`).

===================================  ==================================================================================
:mod:`plait.docgraph.normalisation`  titles, venues, topics and identifiers in one form each
:mod:`plait.docgraph.authors`        names as keys, and which of them mean one person
:mod:`plait.docgraph.titles`         titles that equal, nearly equal or stand in a text
:mod:`plait.docgraph.references`     from a reference to the document it names
:mod:`plait.docgraph.facts`          what documents state, as rows of the index
:mod:`plait.docgraph.linking`        keeps stored facts right while documents come and go
:mod:`plait.docgraph.matrices`       facts as sparse matrices
:mod:`plait.docgraph.relations`      which there are, by which settings; the products they are derived by
:mod:`plait.docgraph.graph`          ``DocumentGraph``, ``build_graph``, ``graph_of_view``
:mod:`plait.docgraph.traversal`      ranking by a walk from the documents that match a query
:mod:`plait.docgraph.weighing`       the weights of that walk: default and learnt
:mod:`plait.docgraph.ego_graph`      a document and its strongest neighbours
:mod:`plait.docgraph.conversion`     networkx, PyTorch Geometric, GraphML, JSON Lines
:mod:`plait.docgraph.pictures`       SVG and HTML, placed by :mod:`plait.docgraph.layout`
:mod:`plait.docgraph.report`         what was left out of a graph, and how references were resolved
:mod:`plait.docgraph.statistics`     a graph in figures
===================================  ==================================================================================
"""

from plait.docgraph.conversion import from_networkx, to_hetero_data, to_networkx, write_graphml, write_jsonl
from plait.docgraph.ego_graph import EgoGraph, Neighbour, Tie, ego_graph
from plait.docgraph.graph import DocumentGraph, build_graph, graph_of_view
from plait.docgraph.linking import Linker, fact_settings
from plait.docgraph.matrices import Entities, Node
from plait.docgraph.pictures import draw
from plait.docgraph.references import Record, Resolution, Resolver, date_of
from plait.docgraph.relations import ENTITY_KINDS, GraphSettings, Relation
from plait.docgraph.report import FactsReport, GraphReport
from plait.docgraph.statistics import GraphStatistics, statistics_of

__all__ = [
    "ENTITY_KINDS",
    "DocumentGraph",
    "EgoGraph",
    "Entities",
    "FactsReport",
    "GraphReport",
    "GraphSettings",
    "GraphStatistics",
    "Linker",
    "Neighbour",
    "Node",
    "Record",
    "Relation",
    "Resolution",
    "Resolver",
    "Tie",
    "build_graph",
    "date_of",
    "draw",
    "ego_graph",
    "fact_settings",
    "from_networkx",
    "graph_of_view",
    "statistics_of",
    "to_hetero_data",
    "to_networkx",
    "write_graphml",
    "write_jsonl",
]
