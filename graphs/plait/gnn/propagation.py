r"""Closed-form propagation: structure without training.

Gasteiger, Bojchevski and Günnemann 2019, *Predict then propagate* (arXiv:1810.05997): personalised PageRank over
features, by power iteration. Wu et al. 2019, *Simplifying graph convolutional networks* (arXiv:1902.07153) is the same
without teleport.

.. math:: z^{(0)} = x, \qquad z^{(k+1)} = (1 - \alpha)\, \hat A z^{(k)} + \alpha x, \qquad
          \hat A = \tfrac{1}{|R_v|} \sum_{r \in R_v} D_r^{-1} A_r

where R_v are the relations in which document v has neighbours. The result is scaled to length 1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from plait.gnn.aggregation import LayerInput, mean_of_neighbours
from plait.gnn.encoder import Encoder

__all__ = ["Propagation"]


class Propagation(Encoder):
    """APPNP's propagation; ``teleport=0`` is SGC's. It has no parameters and is not trained.

    Args:
        depth: how many steps.
        teleport: alpha in the formula, how much of its own text a document keeps in every step.
    """

    def __init__(self, *, depth: int = 2, teleport: float = 0.5) -> None:
        super().__init__()
        self.depth = depth
        self.teleport = teleport

    def layer(self, number: int, states: Tensor, features: Tensor, block: LayerInput) -> Tensor:  # noqa: ARG002
        """One step of power iteration; documents without neighbours keep their features."""
        total = torch.zeros_like(features)
        tied = torch.zeros(len(features), 1, device=features.device)
        for edges in block.edges:
            total = total + mean_of_neighbours(states, edges)
            tied = tied + (torch.diff(edges.starts) > 0)[:, None]
        spread = (1.0 - self.teleport) * total / tied.clamp(min=1.0) + self.teleport * features
        return torch.where(tied > 0, spread, features)

    def finish(self, states: Tensor, features: Tensor) -> Tensor:  # noqa: ARG002
        """Scaled to length 1."""
        return functional.normalize(states, dim=-1)
