"""The numeric part of an embedder: the general one, and which one runs a model.

The lean one is taken where it applies and agrees with the general one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from plait.embedders.batching import pad, pool, token_batches
from plait.embedders.lean_bert import LeanBert, is_plain_bert
from plait.embedders.model_folder import Pooling, Recipe
from plait.embedders.pretrained import load_pretrained

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["AGREEMENT", "PROVEN", "PaddedEncoder", "TextEncoder", "agreement", "make_encoder"]

AGREEMENT = 0.995
"""Least cosine between lean and general vectors; bfloat16 alone stays above .999 on small models."""
PROVEN = frozenset({"6fceb34132ad726946adc26b588445bcb11811d1a28d8a42a03a6dccf63c1369"})
"""Weights for which the test suite compares both, so that a session need not (all-MiniLM-L6-v2)."""
_PROBES = ("Short text.", "A second, longer text, so that the batch has padding: 42 % of Müller's cells (p < 0.05)!")
_log = logging.getLogger(__name__)


class TextEncoder(Protocol):
    """The numeric part: token numbers in, pooled vectors out."""

    def encode(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Shape (texts, dimension); not yet of length 1."""
        ...

    def encode_tokens(self, texts: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The last layer's states, one array (tokens, dimension) a text; not of length 1."""
        ...


class PaddedEncoder:
    """Runs any architecture through ``AutoModel``, in padded batches.

    Args:
        folder: the model's folder; only its safetensors weights are read, and no code of it runs.
        pooling: how token states become one vector.
        device: where to run.
        dtype: the number format of weights and states.
        batch_tokens: most tokens, padding included, that run together; by default what suits the device.

    Raises:
        ModelError: transformers does not know the architecture or cannot read the folder.
    """

    def __init__(
        self,
        folder: Path,
        pooling: Pooling,
        device: torch.device,
        dtype: torch.dtype,
        batch_tokens: int | None = None,
    ) -> None:
        self._model = load_pretrained("AutoModel", folder, where=str(folder), dtype=dtype).to(device).eval()
        self._pooling = pooling
        self._device = device
        self._batch_tokens = batch_tokens or (65_536 if device.type == "cuda" else 8_192)

    def encode(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Pooled vectors of tokenised texts, shape (texts, dimension); not yet of length 1."""
        groups = token_batches([len(tokens) for tokens in texts], self._batch_tokens)
        parts = [(group, self._encode_batch([texts[position] for position in group])) for group in groups]
        vectors = np.empty((len(texts), parts[0][1].shape[1]), dtype=np.float32)
        for group, part in parts:
            vectors[group] = part
        return vectors

    def encode_tokens(
        self, texts: Sequence[Sequence[int]], seen: Sequence[int] | None = None
    ) -> list[NDArray[np.float32]]:
        """The last layer's states of each text's tokens, each of shape (tokens, dimension); not of length 1.

        Args:
            texts: token numbers.
            seen: how many of each text's tokens, from the first, any token of it attends to; by default all.
        """
        import torch

        found: dict[int, NDArray[np.float32]] = {}
        for group in token_batches([len(tokens) for tokens in texts], self._batch_tokens):
            with torch.inference_mode():
                states, _ = self._states(
                    [texts[position] for position in group],
                    None if seen is None else [seen[position] for position in group],
                )
            for position, rows in zip(group, states.float().cpu().numpy(), strict=True):
                found[position] = rows[: len(texts[position])].copy()
        return [found[position] for position in range(len(texts))]

    def _encode_batch(self, batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            vectors: NDArray[np.float32] = pool(*self._states(batch), self._pooling).cpu().numpy()
        return vectors

    def _states(self, batch: Sequence[Sequence[int]], seen: Sequence[int] | None = None) -> tuple[Tensor, Tensor]:
        """States (n, L, d) and mask (n, L) of a padded batch, of whose texts only so many tokens are attended to."""
        import torch

        ids, mask = (tensor.to(self._device) for tensor in pad(batch))
        if seen is not None:
            limits = torch.tensor(seen, device=self._device).unsqueeze(1)
            mask = mask * (torch.arange(mask.shape[1], device=self._device) < limits)
        return self._model(input_ids=ids, attention_mask=mask).last_hidden_state, mask


def make_encoder(
    recipe: Recipe,
    digest: str,
    pooling: Pooling,
    tokenise: Callable[[Sequence[str]], list[list[int]]],
    device: torch.device,
    dtype: torch.dtype,
    batch_tokens: int | None = None,
) -> TextEncoder:
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


def agreement(one: TextEncoder, other: TextEncoder, tokens: Sequence[Sequence[int]]) -> float:
    """The least cosine between the two encoders' vectors of the same texts; 0 if any is not finite."""
    first, second = one.encode(tokens), other.encode(tokens)  # (texts, d) each
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = float(np.min((first * second).sum(1) / lengths))
    return least if np.isfinite(least) else 0.0
