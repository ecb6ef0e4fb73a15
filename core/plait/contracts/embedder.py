"""Embedders turn texts into vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Embedder"]


@runtime_checkable
class Embedder(Protocol):
    """A text encoder. All vectors are float32, finite and of length 1."""

    @property
    def dimension(self) -> int:
        """Width of the vectors."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """What makes two embedders interchangeable: model, weights hash, pooling, prefixes, dtype, ... (JSON)."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of passages, shape (len(texts), dimension)."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of queries, shape (len(texts), dimension)."""
        ...
