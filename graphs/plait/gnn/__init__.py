"""Graph encoders: structural vectors for documents, trained by link prediction to improve on their text.

Importing this package is light; all modules but settings and structure import torch.

=========================  =============================================================================
:mod:`plait.gnn.settings`  which encoder, how it is trained
:mod:`plait.gnn.structure` what encoders need of a graph
:mod:`plait.gnn.sampling`  the neighbours that a layer needs for a batch of documents
:mod:`plait.gnn.layers`    layers of GraphSAGE, R-GCN and HGT, with papers, formulas and shapes
:mod:`plait.gnn.encoders`  ``Sage`` (the default), ``Rgcn``, ``Hgt``; ``Propagation``, which needs no training
:mod:`plait.gnn.links`     the loss; held-out links, AUC, Hits@10; the shuffled-edges control
:mod:`plait.gnn.training`  ``train(graph, features, settings, seed=...)`` -> ``Trained``
:mod:`plait.gnn.encoding`  vectors of all documents, also of those unseen in training
:mod:`plait.gnn.trained`   ``Trained.encode``, ``Trained.save``, ``load``
=========================  =============================================================================
"""

from plait.gnn.settings import EncoderSettings, TrainingSettings
from plait.gnn.structure import ArrayGraph, ArrayRelation, Edges, Graph

__all__ = ["ArrayGraph", "ArrayRelation", "Edges", "EncoderSettings", "Graph", "TrainingSettings"]
