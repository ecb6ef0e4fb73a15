"""Answers that grow together: prompts of several lengths, padded on the left, one step for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from plait.generators.local.model import CausalModel
from plait.generators.local.prefill import ReadPrompt

if TYPE_CHECKING:
    import torch

__all__ = ["PaddedBatch"]


class PaddedBatch:
    """The caches of several prompts as one, right-aligned; what lies left of a shorter prompt is masked.

    Prompts are read one by one, for reading is bound by arithmetic and gains nothing from company, and each can start
    from a remembered beginning. Writing is bound by memory: one pass over the weights serves every row.

    Args:
        model: what reads and writes.
        prompts: as they were read; their caches are left alone.
    """

    def __init__(self, model: CausalModel, prompts: Sequence[ReadPrompt]) -> None:
        import torch
        from transformers import DynamicCache

        longest = max(prompt.length for prompt in prompts)
        self._model = model
        self._cache: Any = DynamicCache(_stacked(prompts, longest))
        self._mask = torch.zeros(len(prompts), longest, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            self._mask[row, longest - prompt.length :] = 1

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
        for layer in self._cache.layers:
            chosen = torch.tensor(rows, dtype=torch.long, device=layer.keys.device)
            layer.keys = layer.keys[:, :, first:].index_select(0, chosen)
            layer.values = layer.values[:, :, first:].index_select(0, chosen)


def _stacked(prompts: Sequence[ReadPrompt], longest: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Keys and values of one layer after the other, (rows, heads, ``longest``, width of a head)."""
    for layers in zip(*(prompt.cache.layers for prompt in prompts), strict=True):
        yield _aligned([layer.keys for layer in layers], longest), _aligned([layer.values for layer in layers], longest)


def _aligned(tensors: Sequence[torch.Tensor], longest: int) -> torch.Tensor:
    _, heads, _, width = tensors[0].shape
    stacked = tensors[0].new_zeros(len(tensors), heads, longest, width)
    for row, tensor in enumerate(tensors):
        stacked[row, :, longest - tensor.shape[2] :] = tensor[0]
    return stacked
