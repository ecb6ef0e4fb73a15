"""Encoding with any transformers architecture, in padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import MissingDependencyError, ModelError
from plait.embedders.batching import token_batches
from plait.embedders.pooling import pool
from plait.embedders.quiet import without_bars
from plait.embedders.recipe import Pooling

if TYPE_CHECKING:
    import torch

__all__ = ["PaddedEncoder"]


class PaddedEncoder:
    """Runs a model through ``AutoModel``.

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
        try:
            from transformers import AutoModel
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                "this model needs transformers", where=str(folder), fix='pip install "plait[models]"'
            ) from error
        try:
            with without_bars():
                model = AutoModel.from_pretrained(
                    folder, dtype=dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False
                )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            reason = str(error).strip().split("\n")[0]
            raise ModelError(
                f"transformers cannot load this model: {reason}", where=str(folder), fix="choose another model"
            ) from error
        self._model = model.to(device).eval()
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

    def _encode_batch(self, batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import torch

        longest = max(len(ids) for ids in batch)
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        mask = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        with torch.inference_mode():
            ids, mask = ids.to(self._device), mask.to(self._device)
            states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            vectors: NDArray[np.float32] = pool(states, mask, self._pooling).cpu().numpy()
        return vectors
