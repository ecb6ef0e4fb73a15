"""Training of a vector fusion by link prediction."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings
from plait.contracts import Fold
from plait.contracts.errors import ConfigError
from plait.fusion.vectors.layers import FusionLayer
from plait.gnn.links import info_nce, true_elsewhere
from plait.gnn.structure import Graph, pair_keys
from plait.gnn.trained import Trained
from plait.gnn.training import supervision_pairs

__all__ = ["FittingSettings", "cross_fitted", "fit"]


class FittingSettings(Settings):
    """How a vector fusion is trained. Rates as in :class:`plait.gnn.encoders.Sage`, for the same reason."""

    steps: int = Field(default=40, ge=1)
    """Steps of AdamW."""
    batch: int = Field(default=512, ge=2)
    """Pairs per step."""
    temperature: float = Field(default=0.05, gt=0.0)
    """Divides cosines in the loss."""
    learning_rate: float = Field(default=1e-4, gt=0.0)
    """Of matrices."""
    gate_rate: float = Field(default=0.03, gt=0.0)
    """Of the gate."""


def cross_fitted(
    trained: Trained, graph: Graph, text: NDArray[np.float32], *, folds: int = 2, seed: int = 0
) -> list[Fold]:
    """Splits the training links into folds, each with the structure of the graph without that fold.

    Structure that was computed through a link gives that link away: a gate trained on it would open too far.

    Raises:
        ConfigError: there are fewer links than folds.
    """
    pairs = supervision_pairs(graph, trained.settings.supervision)
    if not 2 <= folds <= len(pairs):
        raise ConfigError(f"{len(pairs)} links cannot be split into {folds} folds", where="vector fusion")
    order = np.random.default_rng(seed).permutation(len(pairs))
    parts = [pairs[np.sort(part)] for part in np.array_split(order, folds)]
    return [Fold(trained.encode(graph.without(part), text), part) for part in parts]


def fit(
    fusion: FusionLayer,
    text: NDArray[np.float32],
    folds: Sequence[Fold],
    settings: FittingSettings | None = None,
    *,
    seed: int = 0,
) -> FusionLayer:
    """Trains ``fusion`` in place and returns it. Deterministic under a seed.

    Args:
        fusion: what to train.
        text: unit vectors of all documents, shape (documents, text).
        folds: links and structure computed without them, see :func:`cross_fitted`.
        settings: how.
        seed: of the batches.
    """
    settings = settings or FittingSettings()
    gates = [value for name, value in fusion.named_parameters() if name == "gate"]
    others = [value for name, value in fusion.named_parameters() if name != "gate"]
    groups = [{"params": others, "lr": settings.learning_rate}, {"params": gates, "lr": settings.gate_rate}]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=0.0)
    device = next(fusion.parameters()).device
    generator = np.random.default_rng([seed, 3])
    linked = pair_keys(np.concatenate([fold.pairs for fold in folds]), len(text))
    fusion.train()

    def fused(fold: Fold, documents: NDArray[np.int64]) -> torch.Tensor:
        structure = fold.structure
        rows = (text[documents], structure.vectors[documents], structure.has_structure[documents])
        result: torch.Tensor = fusion(*(torch.from_numpy(part).to(device) for part in rows))
        return result

    for _, fold in zip(range(settings.steps), cycle(folds), strict=False):
        size = min(settings.batch, len(fold.pairs))
        batch = fold.pairs[generator.permutation(len(fold.pairs))[:size]]
        ignored = torch.from_numpy(true_elsewhere(batch, linked, len(text))).to(device)
        loss = info_nce(fused(fold, batch[:, 0]), fused(fold, batch[:, 1]), settings.temperature, ignored)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
    return fusion.eval()
