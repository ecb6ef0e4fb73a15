"""Graph encoders: text features and neighbours in, vectors of length 1 out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from plait.contracts.errors import ConfigError
from plait.gnn import EncoderSettings
from plait.gnn.layers import HgtLayer, RgcnLayer, SageLayer, mean_of_neighbours, unit
from plait.gnn.sampling import Block

__all__ = ["Encoder", "Hgt", "Propagation", "Rgcn", "Sage", "build_encoder", "device_of"]


class Encoder(nn.Module):
    """Text features and blocks of neighbours in, vectors of length 1 out.

    One call to :meth:`layer` per block; between layers states are (nodes, width). The text features ``x`` of the
    same documents come along, because every encoder is residual: its output is ``norm(x + something)``, the something
    is zero at the start, and so an untrained encoder returns the text features bit for bit. So does a trained one for
    documents that are tied to nothing.
    """

    depth: int
    layers: nn.ModuleList

    def begin(self, features: Tensor) -> Tensor:
        """States before the first layer: (nodes, dimension) -> (nodes, width)."""
        return features

    def layer(self, number: int, states: Tensor, features: Tensor, block: Block) -> Tensor:  # noqa: ARG002
        """One layer: states (nodes, width) -> (targets, width); ``features`` are the targets' (targets, dimension)."""
        result: Tensor = self.layers[number](states, block)
        return result

    def finish(self, states: Tensor, features: Tensor) -> Tensor:  # noqa: ARG002 - for encoders with an output layer
        """Vectors: (targets, width) and (targets, dimension) -> (targets, dimension)."""
        return states

    def forward(self, features: Tensor, blocks: Sequence[Block]) -> Tensor:
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


class Sage(Encoder):
    """Residual hetero-GraphSAGE, the default; see :class:`plait.gnn.layers.SageLayer` for the formula.

    Two choices differ from the paper, and were made on aan_dev (nDCG@10 of citation recommendation) and on training
    links, not on judged queries:

    * **No matrix for the document itself.** With one, the encoder mostly learns another text metric: on cacm, edges
      shuffled at random then raise the link AUC as much as true ones (.9455 and .9456), and retrieval gets worse than
      text. What is learnt here has to come through neighbours.
    * **Gates learn fast, matrices slowly and at low rank.** On aan_dev, with text at .142: full matrices at a rate of
      1e-3 .122, rank 32 at 1e-3 .111, at 3e-4 .130, at 1e-4 .165, and with gates at .03 instead of .1 .169. The link
      AUC hardly moves (.957 to .964): fast matrices learn what links look like at the price of what queries look like.

    Args:
        dimension: of the text features.
        relations: how many relations.
        depth: layers.
        rank: of each relation's correction.
    """

    def __init__(self, dimension: int, relations: int, *, depth: int = 1, rank: int = 32) -> None:
        super().__init__()
        self.depth = depth
        self.layers = nn.ModuleList(SageLayer(dimension, relations, rank) for _ in range(depth))


class Rgcn(Encoder):
    """R-GCN, residual on the text: norm(x + O h) with O = 0 at the start; see :class:`plait.gnn.layers.RgcnLayer`.

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

    def finish(self, states: Tensor, features: Tensor) -> Tensor:
        """norm(x + O h)."""
        return unit(features, self.output(states))


class Hgt(Encoder):
    """HGT, residual on the text: norm(x + O h) with O = 0 at the start; see :class:`plait.gnn.layers.HgtLayer`.

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

    def finish(self, states: Tensor, features: Tensor) -> Tensor:
        """norm(x + O h)."""
        return unit(features, self.output(states))


class Propagation(Encoder):
    r"""Closed-form propagation: structure without training. It has no parameters.

    Gasteiger, Bojchevski and Günnemann 2019, *Predict then propagate* (arXiv:1810.05997): personalised PageRank over
    features, by power iteration. Without teleport it is that of Wu et al. 2019, *Simplifying graph convolutional
    networks* (arXiv:1902.07153).

    .. math:: z^{(0)} = x, \qquad z^{(k+1)} = (1 - \alpha)\, \hat A z^{(k)} + \alpha x, \qquad
              \hat A = \tfrac{1}{|R_v|} \sum_{r \in R_v} D_r^{-1} A_r

    where R_v are the relations in which document v has neighbours. The result is scaled to length 1.

    Args:
        depth: how many steps.
        teleport: alpha in the formula, how much of its own text a document keeps in every step.
    """

    def __init__(self, *, depth: int = 2, teleport: float = 0.5) -> None:
        super().__init__()
        self.depth = depth
        self.teleport = teleport

    def layer(self, number: int, states: Tensor, features: Tensor, block: Block) -> Tensor:  # noqa: ARG002
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


def build_encoder(settings: EncoderSettings, dimension: int, seed: int) -> Encoder:
    """An untrained encoder, the same for the same seed; the caller's random state is left as it was.

    Raises:
        ConfigError: the width cannot be divided among the heads.
    """
    relations = len(settings.relations)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if settings.encoder == "rgcn":
            return Rgcn(dimension, relations, depth=settings.depth, width=settings.width, bases=settings.bases)
        if settings.encoder == "hgt":
            if settings.width % settings.heads:
                raise ConfigError(
                    f"width {settings.width} cannot be divided among {settings.heads} heads",
                    where="graph encoder 'hgt'",
                    fix="choose a width that is a multiple of heads",
                )
            return Hgt(dimension, relations, depth=settings.depth, width=settings.width, heads=settings.heads)
        return Sage(dimension, relations, depth=settings.depth, rank=settings.rank)


def device_of(name: str) -> torch.device:
    """``auto`` is the first GPU where there is one.

    Raises:
        ConfigError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"there is no device {name!r}", choices=("auto", "cpu", "cuda", "cuda:0")) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device {name!r} is asked for, but torch sees {torch.cuda.device_count()} GPUs", fix="use device 'auto'"
        )
    return device
