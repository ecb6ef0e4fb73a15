r"""Heterogeneous graph transformer, residual on the text.

Hu, Dong, Wang and Sun 2020, *Heterogeneous graph transformer* (arXiv:2003.01332). All nodes here are documents, so
the paper's matrices per node type are one each; relations keep their own. For an edge e of relation r from u to v and
head i of width d:

.. math::
    \mathrm{att}_i(e) &= \mathrm{softmax}_{e \to v}\big( (K_i h_u)\, W^{att}_{r,i}\, (Q_i h_v)^T \mu_{r,i} / \sqrt d
        \big) \\
    h_v' &= A\, \mathrm{gelu}\Big( \big\Vert_i \sum_{e \to v} \mathrm{att}_i(e)\, (M_i h_u) W^{msg}_{r,i} \Big) + h_v

The softmax runs over the edges of all relations together. The vector is norm(x + O h) with O = 0 at the start.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from plait.gnn.aggregation import LayerInput, softmax_by_target, unit
from plait.gnn.encoder import Encoder

__all__ = ["Hgt", "HgtLayer"]


class HgtLayer(nn.Module):
    """One layer: (nodes, width) -> (targets, width). Edge weights are not used: attention weighs.

    Args:
        width: of the states, a multiple of heads.
        relations: how many relations.
        heads: attention heads.
    """

    def __init__(self, width: int, relations: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head = heads, width // heads
        self.key = nn.Linear(width, width)
        self.query = nn.Linear(width, width)
        self.message = nn.Linear(width, width)
        self.own = nn.Linear(width, width)  # A
        self.attention = nn.Parameter(torch.empty(relations, heads, self.head, self.head))  # W_att
        self.transform = nn.Parameter(torch.empty(relations, heads, self.head, self.head))  # W_msg
        self.prior = nn.Parameter(torch.ones(relations, heads))  # mu
        for relation in range(relations):
            for head in range(heads):
                nn.init.xavier_uniform_(self.attention[relation, head])
                nn.init.xavier_uniform_(self.transform[relation, head])

    def forward(self, states: Tensor, block: LayerInput) -> Tensor:
        """Applies the layer."""
        own = states[: block.targets]
        query = self.query(own).view(-1, self.heads, self.head)
        key = self.key(states).view(-1, self.heads, self.head)
        message = self.message(states).view(-1, self.heads, self.head)
        logits, messages, targets = [], [], []
        for relation, edges in enumerate(block.edges):
            towards = edges.targets  # (edges,)
            # Relation matrices act on nodes, of which there are fewer than edges.
            keys = torch.einsum("nhd,hde->nhe", key, self.attention[relation])
            sent = torch.einsum("nhd,hde->nhe", message, self.transform[relation])
            likeness = (keys[edges.sources] * query[towards]).sum(dim=-1)  # (edges, heads)
            logits.append(likeness * self.prior[relation] / math.sqrt(self.head))
            messages.append(sent[edges.sources])  # (edges, heads, head)
            targets.append(towards)
        towards = torch.cat(targets)
        share = softmax_by_target(torch.cat(logits), towards, block.targets)  # (all edges, heads)
        gathered = torch.zeros_like(query).index_add(0, towards, share[:, :, None] * torch.cat(messages))
        result: Tensor = self.own(functional.gelu(gathered.flatten(1))) + own
        return result


class Hgt(Encoder):
    """Residual HGT; see the module for the formula.

    Args:
        dimension: of the text features.
        relations: how many relations.
        depth: layers.
        width: of the hidden states, a multiple of heads.
        heads: attention heads.
    """

    def __init__(self, dimension: int, relations: int, *, depth: int = 1, width: int = 128, heads: int = 4) -> None:
        super().__init__()
        self.depth = depth
        self.input = nn.Linear(dimension, width)
        self.layers = nn.ModuleList(HgtLayer(width, relations, heads) for _ in range(depth))
        self.output = nn.Linear(width, dimension, bias=False)  # O
        nn.init.zeros_(self.output.weight)

    def begin(self, features: Tensor) -> Tensor:
        """The paper's first projection to the hidden width."""
        states: Tensor = self.input(features)
        return states

    def layer(self, number: int, states: Tensor, features: Tensor, block: LayerInput) -> Tensor:  # noqa: ARG002
        """One HGT layer."""
        result: Tensor = self.layers[number](states, block)
        return result

    def finish(self, states: Tensor, features: Tensor) -> Tensor:
        """norm(x + O h)."""
        return unit(features, self.output(states))
