"""How a model is taught structure, and when that is kept."""

from __future__ import annotations

from pydantic import Field

from plait.config import Settings
from plait.fusion.tokens.projector import MOST_TOKENS

__all__ = ["ReaderSettings"]


class ReaderSettings(Settings):
    """How a model is taught structure, and when that is kept."""

    soft_tokens: int = Field(default=1, ge=1, le=MOST_TOKENS)
    """Soft tokens per passage; without meaning for a Fusion-in-Decoder, as is ``hidden``."""
    hidden: int = Field(default=256, ge=1)
    """Width of the projector's hidden layer."""
    steps: int = Field(default=240, ge=1)
    """Steps of AdamW, of all kinds of tasks together."""
    batch: int = Field(default=8, ge=1)
    """Tasks per step, all of one kind. Half as many where answers are titles or sentences: they are long."""
    learning_rate: float = Field(default=1e-2, gt=0.0)
    """Of the projector's matrices; it falls to nothing along half a cosine."""
    gate_rate: float = Field(default=0.1, gt=0.0)
    """Of the gate, likewise."""
    weight_decay: float = Field(default=0.01, ge=0.0)
    """Of the projector's matrices."""
    negatives: int = Field(default=2, ge=1)
    """Most wrong answers that a step scores for a task whose choices have to be read one by one. Where they part with
    their last token, as single words do, all are scored at the price of one."""
    trial: float = Field(default=0.5, gt=0.0, le=1.0)
    """Share of the steps after which kinds of tasks whose tokens say nothing get no more; 1 gives all kinds all their
    steps. Where there is only one kind, none is tried."""
    trial_tasks: int = Field(default=96, ge=1)
    """Most training tasks that a kind is tried with; half as many where answers are titles."""
    tolerance: float = Field(default=0.02, ge=0.0)
    """Answers count as worse when they lose more than so much accuracy, or so many nats per token."""
