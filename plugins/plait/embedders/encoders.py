"""Which numeric part runs a model: the lean one where it applies and agrees with the general one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from plait.embedders.lean_bert import LeanBert, is_plain_bert
from plait.embedders.padded import PaddedEncoder
from plait.embedders.recipe import Pooling, Recipe
from plait.embedders.tokenising import Tokeniser

if TYPE_CHECKING:
    import torch

__all__ = ["AGREEMENT", "PROVEN", "Encoder", "agreement", "make_encoder"]

AGREEMENT = 0.995
"""Least cosine between lean and general vectors; bfloat16 alone stays above .999 on small models."""
PROVEN = frozenset({"6fceb34132ad726946adc26b588445bcb11811d1a28d8a42a03a6dccf63c1369"})
"""Weights for which the test suite compares both, so that a session need not (all-MiniLM-L6-v2)."""
_PROBES = ("Short text.", "A second, longer text, so that the batch has padding: 42 % of Müller's cells (p < 0.05)!")
_log = logging.getLogger(__name__)


class Encoder(Protocol):
    """The numeric part: token numbers in, pooled vectors out."""

    def encode(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Shape (texts, dimension); not yet of length 1."""
        ...


def make_encoder(
    recipe: Recipe,
    digest: str,
    pooling: Pooling,
    tokenise: Tokeniser,
    device: torch.device,
    dtype: torch.dtype,
    batch_tokens: int | None = None,
) -> Encoder:
    """The fastest encoder that is right for this model.

    BERT on the processor runs lean. Unless its weights are :data:`PROVEN`, two texts are first encoded both ways; if
    the vectors differ, a warning is logged and the general encoder runs.
    """
    import torch

    if device.type != "cpu" or not is_plain_bert(recipe.config):
        return PaddedEncoder(recipe.folder, pooling, device, dtype, batch_tokens)
    lean = LeanBert(recipe, pooling, dtype, batch_tokens)
    if digest in PROVEN:
        return lean
    tokens = tokenise(_PROBES)
    found = agreement(lean, PaddedEncoder(recipe.folder, pooling, device, torch.float32), tokens)
    if found >= AGREEMENT:
        return lean
    _log.warning("%s: the lean encoder disagrees (cosine %.4f), the general one is used", recipe.folder, found)
    return PaddedEncoder(recipe.folder, pooling, device, dtype, batch_tokens)


def agreement(one: Encoder, other: Encoder, tokens: Sequence[Sequence[int]]) -> float:
    """The least cosine between the two encoders' vectors of the same texts; 0 if any is not finite."""
    first, second = one.encode(tokens), other.encode(tokens)  # (texts, d) each
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = float(np.min((first * second).sum(1) / lengths))
    return least if np.isfinite(least) else 0.0
