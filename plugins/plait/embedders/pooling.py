"""From one vector per token to one vector per text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.embedders.recipe import Pooling

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["pool"]


def pool(states: Tensor, mask: Tensor, how: Pooling) -> Tensor:
    """Pools token states in float32; padding may stand on either side.

    Args:
        states: (texts, tokens, dimension).
        mask: (texts, tokens), 1 where there is a token.
        how: ``mean`` over the tokens, the first (``cls``) or the last.

    Returns:
        (texts, dimension), float32, not yet of length 1.
    """
    import torch

    if how == "mean":
        weights = mask.to(torch.float32).unsqueeze(-1)  # (texts, tokens, 1)
        return (states.to(torch.float32) * weights).sum(1) / weights.sum(1).clamp(min=1.0)
    numbers = torch.arange(mask.shape[1], device=mask.device)
    if how == "cls":
        positions = torch.where(mask.bool(), numbers, mask.shape[1]).amin(1)
    else:
        positions = torch.where(mask.bool(), numbers, -1).amax(1)
    return states[torch.arange(len(states), device=mask.device), positions].to(torch.float32)
