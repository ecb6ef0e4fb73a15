"""What all graph encoders have in common."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from plait.gnn.aggregation import LayerInput

__all__ = ["Encoder"]


class Encoder(nn.Module):
    """Text features and blocks of neighbours in, vectors of length 1 out.

    One call to :meth:`layer` per block; between layers states are (nodes, width). The text features ``x`` of the
    same documents come along, because every encoder is residual: its output is ``norm(x + something)``, the something
    is zero at the start, and so an untrained encoder returns the text features bit for bit. So does a trained one for
    documents that are tied to nothing.
    """

    depth: int

    def begin(self, features: Tensor) -> Tensor:
        """States before the first layer: (nodes, dimension) -> (nodes, width)."""
        return features

    def layer(self, number: int, states: Tensor, features: Tensor, block: LayerInput) -> Tensor:
        """One layer: states (nodes, width) -> (targets, width); ``features`` are the targets' (targets, dimension)."""
        raise NotImplementedError

    def finish(self, states: Tensor, features: Tensor) -> Tensor:  # noqa: ARG002 - for encoders with an output layer
        """Vectors: (targets, width) and (targets, dimension) -> (targets, dimension)."""
        return states

    def forward(self, features: Tensor, blocks: Sequence[LayerInput]) -> Tensor:
        """Vectors of the last block's targets: (nodes of the first block, dimension) -> (targets, dimension)."""
        states = self.begin(features)
        for number, block in enumerate(blocks):
            features = features[: block.targets]
            states = self.layer(number, states, features, block)
        return torch.where(blocks[-1].tied, self.finish(states, features), features)

    def parameter_groups(self, rate: float, gate_rate: float) -> list[dict[str, object]]:
        """What the optimiser gets; gates, single numbers that scale whole messages, have a rate of their own."""
        gates = [value for name, value in self.named_parameters() if name.rsplit(".", 1)[-1].startswith("gate")]
        chosen = {id(value) for value in gates}
        others = [value for value in self.parameters() if id(value) not in chosen]
        groups: list[dict[str, object]] = [{"params": others, "lr": rate}, {"params": gates, "lr": gate_rate}]
        return [group for group in groups if group["params"]]
