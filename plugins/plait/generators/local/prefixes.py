"""Keys and values of prompts read before, so that the next prompt with the same beginning reads only its rest."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["Layers", "PrefixStore"]

Layers = list[tuple["torch.Tensor", "torch.Tensor"]]
"""Keys and values of each layer, (1, heads, positions, width of a head). Never changed in place: they are shared."""


class PrefixStore:
    """Remembers the beginnings of prompts, whole blocks of positions, within a number of bytes.

    Two prompts share a block when its key and the keys of all blocks before it are equal; a key says all that the
    block's numbers depend on. The beginnings used least recently make room.

    Args:
        limit: most bytes of keys and values; 0 remembers nothing.
        block: positions of a block.
    """

    def __init__(self, limit: int, block: int) -> None:
        self.limit = limit
        self.block = block
        self._kept: OrderedDict[tuple[Hashable, ...], Layers] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Bytes of the keys and values that are held."""
        with self._lock:
            return sum(_size(layers) for layers in self._kept.values())

    def find(self, keys: Sequence[Hashable]) -> tuple[int, Layers]:
        """The longest known beginning: how many blocks, and their keys and values."""
        with self._lock:
            shared = {kept: _shared(kept, keys) for kept in self._kept}
            best = max(shared, key=lambda kept: shared[kept], default=())
            blocks = shared.get(best, 0)
            if not blocks:
                return 0, []
            self._kept.move_to_end(best)
            end = blocks * self.block
            return blocks, [(one[..., :end, :], other[..., :end, :]) for one, other in self._kept[best]]

    def keep(self, keys: Sequence[Hashable], layers: Layers) -> None:
        """Remembers a beginning of ``len(keys)`` blocks. One that continues a known one takes its place."""
        new, size = tuple(keys), _size(layers)
        if not new or size > self.limit:
            return
        with self._lock:
            if any(_shared(kept, new) == len(new) for kept in self._kept):
                return
            for kept in [kept for kept in self._kept if _shared(kept, new) == len(kept)]:
                del self._kept[kept]
            self._kept[new] = layers
            while sum(_size(kept) for kept in self._kept.values()) > self.limit:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._kept.clear()


def _shared(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _size(layers: Layers) -> int:
    return sum(tensor.numel() * tensor.element_size() for pair in layers for tensor in pair)
