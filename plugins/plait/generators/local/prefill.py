"""Reads a prompt into the model, block by block, starting behind what it has read before.

Blocks begin at multiples of :data:`BLOCK`, whatever was remembered. So each block is computed by the same operations on
the same numbers with and without a remembered beginning, and reuse changes no bit of the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from plait.contracts.errors import GenerationError
from plait.generators.local.model import CausalModel
from plait.generators.local.prefixes import Layers, PrefixStore

if TYPE_CHECKING:
    import torch

__all__ = ["BLOCK", "EmbeddedPrompt", "EndedError", "Prompt", "ReadPrompt", "TokenPrompt", "read_prompt"]

BLOCK = 128
"""Positions read at once. Larger blocks are read a little faster (256 saves 15 %), smaller ones reuse more."""


class EndedError(GenerationError):
    """Nobody waits for the answer any more."""


class Prompt(Protocol):
    """What a model can read."""

    def __len__(self) -> int:
        """Positions."""
        ...

    def key(self, start: int, end: int) -> Hashable:
        """Equal for equal content."""
        ...

    def inputs(self, model: CausalModel, start: int, end: int) -> torch.Tensor:
        """Token numbers or embeddings for :meth:`~plait.generators.local.model.CausalModel.step`."""
        ...


@dataclass(frozen=True, slots=True)
class TokenPrompt:
    """Token numbers, with vectors added to the embeddings at some positions.

    Args:
        tokens: the whole prompt.
        positions: (rows,), ascending.
        vectors: (rows, width), none of them zero: a prompt without additions is read as plain token numbers.
    """

    tokens: tuple[int, ...]
    positions: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.tokens)

    def key(self, start: int, end: int) -> Hashable:
        """The tokens, and a digest of what is added where."""
        first, last = np.searchsorted(self.positions, (start, end))
        if first == last:
            return self.tokens[start:end]
        digest = hashlib.sha256((self.positions[first:last] - start).tobytes())
        digest.update(self.vectors[first:last].tobytes())
        return self.tokens[start:end], digest.digest()

    def inputs(self, model: CausalModel, start: int, end: int) -> torch.Tensor:
        """Token numbers where nothing is added, else embeddings."""
        import torch

        tokens = torch.tensor([self.tokens[start:end]], dtype=torch.long, device=model.model.device)
        first, last = np.searchsorted(self.positions, (start, end))
        if first == last:
            return tokens
        embeddings = model.embed(tokens)
        rows = torch.from_numpy(self.positions[first:last] - start).to(embeddings.device)
        added = torch.from_numpy(self.vectors[first:last]).to(embeddings.device)
        embeddings[0, rows] = (embeddings[0, rows].float() + added).to(embeddings.dtype)
        return embeddings


@dataclass(frozen=True, slots=True)
class EmbeddedPrompt:
    """A prompt given as embeddings, float32 of shape (positions, width), as the gate let them through."""

    rows: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def key(self, start: int, end: int) -> Hashable:
        """A digest of the numbers."""
        return hashlib.sha256(self.rows[start:end].tobytes()).digest()

    def inputs(self, model: CausalModel, start: int, end: int) -> torch.Tensor:
        """The embeddings in the model's number format."""
        import torch

        rows = torch.tensor(self.rows[start:end])
        return rows[None].to(device=model.model.device, dtype=model.model.dtype)


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """A prompt that the model has read: the cache to go on with, and the logits (vocabulary,) behind its end."""

    cache: Any
    logits: torch.Tensor
    length: int
    reused: int
    """Positions that were not read again."""


def read_prompt(
    model: CausalModel, prompt: Prompt, store: PrefixStore, ended: Callable[[], bool] = lambda: False
) -> ReadPrompt:
    """Reads a prompt, from the longest beginning that ``store`` remembers.

    Models that carry a state from position to position (state space, recurrent and convolutional layers) can neither
    go back to the end of a beginning nor be read in blocks: their prompts are read at once and not remembered.

    Args:
        model: what reads.
        prompt: what to read, at least one position.
        store: beginnings read before; the new one is added.
        ended: asked before each block; when it says True, reading stops.

    Raises:
        EndedError: ``ended`` said so.
    """
    from transformers import DynamicCache

    length, block = len(prompt), store.block
    if model.carries_state:
        cache = DynamicCache(config=model.model.config)
        return ReadPrompt(cache, model.step(cache, prompt.inputs(model, 0, length))[0, -1], length, 0)
    # The last position is always read: its logits are what the answer begins with.
    whole = (length - 1) // block
    keys = [prompt.key(start, start + block) for start in range(0, whole * block, block)]
    known, layers = store.find(keys)
    cache = DynamicCache(layers) if known else DynamicCache()
    for start in range(known * block, length, block):
        if ended():
            raise EndedError("the request was ended while its prompt was read")
        if start == whole * block and whole > known:
            store.keep(keys, _snapshot(cache))
        logits = model.step(cache, prompt.inputs(model, start, min(start + block, length)))
    return ReadPrompt(cache, logits[0, -1], length, known * block)


def _snapshot(cache: Any) -> Layers:
    """The cache as it is now. It grows by new tensors, so these stay as they are."""
    return [(layer.keys, layer.values) for layer in cache.layers]
