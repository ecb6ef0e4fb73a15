"""From logits to the next token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plait.contracts.errors import GenerationError

if TYPE_CHECKING:
    import torch

__all__ = ["checked_logits", "next_token"]


def checked_logits(logits: torch.Tensor) -> torch.Tensor:
    """Logits in float32 on the processor.

    Raises:
        GenerationError: one is no number, or none is finite.
    """
    import torch

    logits = logits.detach().float().cpu()
    if not bool(torch.isfinite(logits).any()) or bool(torch.isnan(logits).any()):
        raise GenerationError(
            "the model gave logits that are not finite",
            where="generator transformers",
            fix='set dtype="float32"; if it stays, the weights are bad',
        )
    return logits


def next_token(
    logits: torch.Tensor, written: Sequence[int], temperature: float, penalty: float, random: torch.Generator
) -> int:
    """The token to write next.

    Args:
        logits: (vocabulary,), from :func:`checked_logits`.
        written: tokens written before. The prompt's are free.
        temperature: 0 takes the most likely token; above, tokens are drawn from softmax(logits / temperature).
        penalty: logits of ``written`` are divided (positive) or multiplied (negative) by it (Keskar et al., CTRL,
            2019); 1 leaves them alone.
        random: what draws.
    """
    import torch

    if penalty != 1.0 and written:
        seen = torch.tensor(sorted(set(written)))
        values = logits[seen]
        logits = logits.clone()
        logits[seen] = torch.where(values > 0, values / penalty, values * penalty)
    if temperature <= 0:
        return int(torch.argmax(logits))
    return int(torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=random))
