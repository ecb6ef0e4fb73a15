r"""R-GCN with basis decomposition, residual on the text.

Schlichtkrull et al. 2018, *Modeling relational data with graph convolutional networks* (arXiv:1703.06103):

.. math::
    h_v' = \mathrm{relu}\Big(W_0 h_v + \sum_r \sum_{u \in N_r(v)} \frac{1}{c_{v,r}} W_r h_u\Big),
    \qquad W_r = \sum_b a_{rb} V_b

with c the number of neighbours (here the sum of their weights). The vector is norm(x + O h) with O = 0 at the start.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from plait.gnn.aggregation import LayerInput, mean_of_neighbours, unit
from plait.gnn.encoder import Encoder

__all__ = ["Rgcn", "RgcnLayer"]


class RgcnLayer(nn.Module):
    """One layer: (nodes, inputs) -> (targets, outputs).

    Args:
        inputs: width of the states that come in.
        outputs: width of those that go out.
        relations: how many relations.
        bases: how many basis matrices they share.
    """

    def __init__(self, inputs: int, outputs: int, relations: int, bases: int) -> None:
        super().__init__()
        self.own = nn.Linear(inputs, outputs, bias=False)  # W_0
        self.basis = nn.Parameter(torch.empty(bases, inputs, outputs))  # V
        self.coefficient = nn.Parameter(torch.empty(relations, bases))  # a
        nn.init.xavier_uniform_(self.basis)
        nn.init.xavier_uniform_(self.coefficient)

    def forward(self, states: Tensor, block: LayerInput) -> Tensor:
        """Applies the layer."""
        total: Tensor = self.own(states[: block.targets])
        # Bases are mixed on the side of the means, so that no (relations, inputs, outputs) tensor is made.
        means = [mean_of_neighbours(states, edges) for edges in block.edges]
        for basis, coefficients in zip(self.basis, self.coefficient.T, strict=True):
            mixed = torch.zeros_like(states[: block.targets])
            for mean, coefficient in zip(means, coefficients, strict=True):
                mixed = mixed + coefficient * mean  # (targets, inputs)
            total = total + mixed @ basis
        return functional.relu(total)


class Rgcn(Encoder):
    """Residual R-GCN; see the module for the formula.

    Args:
        dimension: of the text features.
        relations: how many relations.
        depth: layers.
        width: of the hidden states.
        bases: basis matrices per layer.
    """

    def __init__(self, dimension: int, relations: int, *, depth: int = 1, width: int = 128, bases: int = 4) -> None:
        super().__init__()
        self.depth = depth
        self.layers = nn.ModuleList(
            RgcnLayer(width if number else dimension, width, relations, bases) for number in range(depth)
        )
        self.output = nn.Linear(width, dimension, bias=False)  # O
        nn.init.zeros_(self.output.weight)

    def layer(self, number: int, states: Tensor, features: Tensor, block: LayerInput) -> Tensor:  # noqa: ARG002
        """One R-GCN layer."""
        result: Tensor = self.layers[number](states, block)
        return result

    def finish(self, states: Tensor, features: Tensor) -> Tensor:
        """norm(x + O h)."""
        return unit(features, self.output(states))
