"""Graph encoders: structural vectors for documents, trained by link prediction to improve on their text.

Importing this package is light; its modules import torch.

===========================  ==========================================================================
:mod:`plait.gnn.settings`    which encoder, how it is trained
:mod:`plait.gnn.sage`        residual hetero-GraphSAGE, the default
:mod:`plait.gnn.rgcn`        R-GCN with basis decomposition
:mod:`plait.gnn.hgt`         heterogeneous graph transformer
:mod:`plait.gnn.propagation` closed-form propagation, no training
:mod:`plait.gnn.training`    ``train(graph, features, settings, seed=...)`` -> ``Trained``
:mod:`plait.gnn.trained`     ``Trained.encode``, ``Trained.save``, ``load``
:mod:`plait.gnn.links`       held-out links, AUC, Hits@10, the shuffled-edges control
===========================  ==========================================================================
"""

from plait.gnn.settings import EncoderSettings, TrainingSettings
from plait.gnn.structure import ArrayGraph, ArrayRelation, Graph, Relation

__all__ = ["ArrayGraph", "ArrayRelation", "EncoderSettings", "Graph", "Relation", "TrainingSettings"]
