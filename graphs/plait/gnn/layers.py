"""Message-passing layers of the encoders, and the tensor operations that they share.

Plain torch, so that a GPU needs no compiled extras and nothing imports torch_geometric: that takes 2.3 CPU-s more than
torch alone (version 2.8.1, one core), for the one function that would serve here, its ``softmax``. Every layer takes
the states of a block's nodes, the targets first, and gives those of the targets: (nodes, width) -> (targets, width).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from plait.gnn.sampling import Block, BlockEdges

__all__ = [
    "HgtLayer",
    "RgcnLayer",
    "SageLayer",
    "mean_of_neighbours",
    "softmax_by_target",
    "unit",
]


def mean_of_neighbours(states: Tensor, edges: BlockEdges) -> Tensor:
    """Weighted mean over each target's neighbours: (nodes, width) -> (targets, width); 0 where there are none.

    A gather and a sum in one kernel: at 170,000 edges of 384 numbers it takes 15 ms on one core, where a gather and
    ``index_add`` write 260 MB in between.
    """
    return functional.embedding_bag(
        edges.sources, states, edges.starts, mode="sum", per_sample_weights=edges.weights, include_last_offset=True
    )


def softmax_by_target(logits: Tensor, targets: Tensor, count: int) -> Tensor:
    """Softmax over the edges that lead to the same target: (edges, heads) -> (edges, heads)."""
    heads = logits.shape[1]
    index = targets[:, None].expand(-1, heads)
    highest = torch.full((count, heads), -torch.inf, dtype=logits.dtype, device=logits.device)
    highest = highest.scatter_reduce(0, index, logits.detach(), reduce="amax")
    exponentials = torch.exp(logits - highest[targets])
    total = torch.zeros((count, heads), dtype=logits.dtype, device=logits.device).index_add(0, targets, exponentials)
    return exponentials / total[targets]


def unit(text: Tensor, change: Tensor) -> Tensor:
    """``norm(text + change)`` along the last dimension; rows that do not change keep their bits.

    ``text`` is of length 1 already, but dividing it by its length once more would alter last digits: an encoder whose
    output is zero has to be an exact no-op. Gradients reach ``change`` everywhere, also where it is still zero.
    """
    normalised = functional.normalize(text + change, dim=-1)
    still = (change == 0).all(dim=-1, keepdim=True)
    # Where nothing changed the two differ by rounding only, so that their difference and the sum are exact.
    return normalised + torch.where(still, text - normalised, 0.0).detach()


class SageLayer(nn.Module):
    r"""One layer of residual heterogeneous GraphSAGE: (nodes, dimension) -> (targets, dimension).

    Hamilton, Ying and Leskovec 2017, *Inductive representation learning on large graphs* (arXiv:1706.02216): mean
    aggregation, one matrix per relation, states of length 1 after every layer. Here it is a residual on the text:

    .. math::
        h_v^{(0)} = x_v, \qquad
        h_v^{(l+1)} = \mathrm{norm}\Big(h_v^{(l)} + \sum_r \gamma_r^{(l)} W_r^{(l)}
            \sum_{u \in N_r(v)} \bar w_{vu}\, h_u^{(l)}\Big), \qquad W_r = I + A_r B_r

    with gates :math:`\gamma_r = 0` at the start and A (d, rank), B (rank, d), A = 0 at the start.

    Args:
        dimension: width of the states.
        relations: how many relations.
        rank: of the correction that a relation makes to what it carries.
    """

    def __init__(self, dimension: int, relations: int, rank: int) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(relations))
        self.down = nn.ModuleList(nn.Linear(dimension, rank, bias=False) for _ in range(relations))
        self.up = nn.ModuleList(nn.Linear(rank, dimension, bias=False) for _ in range(relations))
        for value in self.up.parameters():
            nn.init.zeros_(value)

    def forward(self, states: Tensor, block: Block) -> Tensor:
        """Applies the layer."""
        change = torch.zeros_like(states[: block.targets])
        for relation, edges in enumerate(block.edges):
            mean = mean_of_neighbours(states, edges)  # (targets, dimension)
            change = change + self.gate[relation] * (mean + self.up[relation](self.down[relation](mean)))
        return unit(states[: block.targets], change)


class RgcnLayer(nn.Module):
    r"""One layer of R-GCN with basis decomposition: (nodes, inputs) -> (targets, outputs).

    Schlichtkrull et al. 2018, *Modeling relational data with graph convolutional networks* (arXiv:1703.06103):

    .. math::
        h_v' = \mathrm{relu}\Big(W_0 h_v + \sum_r \sum_{u \in N_r(v)} \frac{1}{c_{v,r}} W_r h_u\Big),
        \qquad W_r = \sum_b a_{rb} V_b

    with c the number of neighbours (here the sum of their weights).

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

    def forward(self, states: Tensor, block: Block) -> Tensor:
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


class HgtLayer(nn.Module):
    r"""One layer of the heterogeneous graph transformer: (nodes, width) -> (targets, width).

    Hu, Dong, Wang and Sun 2020, *Heterogeneous graph transformer* (arXiv:2003.01332). All nodes here are documents, so
    the paper's matrices per node type are one each; relations keep their own. For an edge e of relation r from u to v
    and head i of width d:

    .. math::
        \mathrm{att}_i(e) &= \mathrm{softmax}_{e \to v}\big( (K_i h_u)\, W^{att}_{r,i}\, (Q_i h_v)^T
            \mu_{r,i} / \sqrt d \big) \\
        h_v' &= A\, \mathrm{gelu}\Big( \big\Vert_i \sum_{e \to v} \mathrm{att}_i(e)\, (M_i h_u) W^{msg}_{r,i}
            \Big) + h_v

    The softmax runs over the edges of all relations together. Edge weights are not used: attention weighs.

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

    def forward(self, states: Tensor, block: Block) -> Tensor:
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
