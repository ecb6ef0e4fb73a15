"""Answers that grow together: prompts of several lengths, padded on the left, one step for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from plait.generators.local.model import CausalModel
from plait.generators.local.reading import ReadPrompt

if TYPE_CHECKING:
    import torch

__all__ = ["PaddedBatch"]


class PaddedBatch:
    """The caches of several prompts as one, right-aligned; what lies left of a shorter prompt is masked.

    Prompts are read one by one, for reading is bound by arithmetic and gains nothing from company, and each can start
    from a remembered beginning. Writing is bound by memory: one pass over the weights serves every row.

    Args:
        model: what reads and writes.
        prompts: as they were read. The cache of one alone is gone on with as it is; several are copied.
    """

    def __init__(self, model: CausalModel, prompts: Sequence[ReadPrompt]) -> None:
        import torch
        from transformers import DynamicCache

        longest = max(prompt.length for prompt in prompts)
        self._model = model
        self._cache: Any = prompts[0].cache
        if len(prompts) > 1:
            layers = zip(*(prompt.cache.layers for prompt in prompts), strict=True)
            self._cache = DynamicCache(
                (_aligned([layer.keys for layer in one], longest), _aligned([layer.values for layer in one], longest))
                for one in layers
            )
        self._mask = torch.tensor([[0] * (longest - prompt.length) + [1] * prompt.length for prompt in prompts])

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Reads one token for each row; returns logits (rows, vocabulary)."""
        import torch

        self._mask = torch.cat([self._mask, torch.ones(len(tokens), 1, dtype=torch.long)], dim=1)
        padded = not bool(self._mask.all())
        inputs = torch.tensor(tokens, dtype=torch.long, device=self._model.model.device)[:, None]
        return self._model.step(self._cache, inputs, self._mask if padded else None)[:, -1]

    def keep(self, rows: Sequence[int]) -> None:
        """Goes on with these rows only, without the columns that only the others needed."""
        import torch

        if len(rows) == len(self._mask):
            return
        mask = self._mask[list(rows)]
        first = int(mask.any(dim=0).long().argmax())
        self._mask = mask[:, first:]
        self._cache.batch_select_indices(torch.tensor(rows, device=self._model.model.device))
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[:, :, first:], layer.values[:, :, first:]


def _aligned(tensors: Sequence[torch.Tensor], longest: int) -> torch.Tensor:
    """Keys or values of one layer, (rows, heads, ``longest``, width of a head)."""
    import torch
    from torch.nn.functional import pad

    return torch.cat([pad(tensor, (0, 0, longest - tensor.shape[2], 0)) for tensor in tensors])
