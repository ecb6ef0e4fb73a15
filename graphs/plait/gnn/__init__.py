"""Graph encoders: structural vectors for documents, trained by link prediction to improve on their text.

Importing this package is light; all its modules but structure import torch. It holds the settings: which encoder, and
how it is trained.

=========================  =============================================================================
:mod:`plait.gnn.encoder_graph` what encoders need of a graph
:mod:`plait.gnn.sampling`  the neighbours that a layer needs for a batch of documents
:mod:`plait.gnn.layers`    layers of GraphSAGE, R-GCN and HGT, with papers, formulas and shapes
:mod:`plait.gnn.encoders`  ``Sage`` (the default), ``Rgcn``, ``Hgt``; ``Propagation``, which needs no training
:mod:`plait.gnn.links`     the loss; held-out links, AUC, Hits@10
:mod:`plait.gnn.training`  ``train(graph, features, settings, seed=...)`` -> ``Trained``
:mod:`plait.gnn.trained`   vectors of all documents, also of those unseen in training: ``encode``;
                           ``Trained.encode``, ``Trained.save``, ``load``
=========================  =============================================================================
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from plait.config import Settings
from plait.gnn.encoder_graph import ArrayGraph, ArrayRelation, Edges, Graph

__all__ = [
    "ArrayGraph",
    "ArrayRelation",
    "Edges",
    "EncoderName",
    "EncoderSettings",
    "Graph",
    "TrainingSettings",
]

EncoderName = Literal["sage", "rgcn", "hgt"]


class EncoderSettings(Settings):
    """Which encoder, over which relations."""

    encoder: EncoderName = "sage"
    """``sage`` (residual GraphSAGE), ``rgcn`` or ``hgt``."""
    relations: tuple[str, ...] = Field(default=("cites", "cited_by", "co_author", "co_topic"), min_length=1)
    """Relations that messages travel along."""
    depth: int = Field(default=1, ge=1, le=4)
    """Layers."""
    width: int = Field(default=128, ge=8)
    """Width of the hidden states of ``rgcn`` and ``hgt``."""
    heads: int = Field(default=4, ge=1)
    """Attention heads of ``hgt``."""
    bases: int = Field(default=4, ge=1)
    """Basis matrices that the relations of ``rgcn`` share."""
    rank: int = Field(default=32, ge=1)
    """Rank of each relation's correction in ``sage``."""


class TrainingSettings(EncoderSettings):
    """How an encoder is trained by link prediction.

    The defaults were chosen on aan_dev and on training links; see :class:`plait.gnn.encoders.Sage`.
    """

    supervision: str = "cites"
    """The relation whose pairs are predicted."""
    epochs: int = Field(default=10, ge=1)
    """Passes over the training pairs."""
    max_steps: int = Field(default=60, ge=1)
    """Ends training earlier on large graphs: a few dozen steps are enough, more overfit the training links."""
    batch: int = Field(default=512, ge=2)
    """Pairs per step; each is a negative of all others."""
    temperature: float = Field(default=0.05, gt=0.0)
    """Divides cosines in the loss."""
    learning_rate: float | None = Field(default=None, gt=0.0)
    """Of AdamW's matrices; by default 1e-4 for ``sage``, 1e-3 for the others."""
    gate_rate: float = Field(default=0.03, gt=0.0)
    """Learning rate of the gates of ``sage``: how loud each relation is, is learnt before what it says."""
    fan_out: int = Field(default=32, ge=1)
    """Most neighbours per document, relation and layer that a step looks at."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda`` or ``cuda:1``."""

    @property
    def matrix_rate(self) -> float:
        """The learning rate of matrices, with the default filled in."""
        return self.learning_rate or (1e-4 if self.encoder == "sage" else 1e-3)
