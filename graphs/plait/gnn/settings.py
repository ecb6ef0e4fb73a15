"""Settings of graph encoders and of their training. Light: imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from plait.config import Settings

__all__ = ["EncoderName", "EncoderSettings", "TrainingSettings"]

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
