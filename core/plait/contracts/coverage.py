"""How much of a passage an encoder reads: what chunkers cut to, and what an ingest reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from plait.contracts.passage import Chunker, Embedder

__all__ = ["Coverage", "FittingChunker", "TokenCounting"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of some texts an encoder reads: what an ingest reports."""

    tokens: int = 0
    """Of all texts, special tokens and prefixes left out."""
    windowed: int = 0
    """Texts that are too long to be read at once, and are read in windows."""
    unread: int = 0
    """Tokens that no vector has read."""

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(self.tokens + other.tokens, self.windowed + other.windowed, self.unread + other.unread)


@runtime_checkable
class TokenCounting(Embedder, Protocol):
    """An embedder that tells how much it reads, in tokens of its own: passages are cut to that.

    Without it passages are measured in words, and nobody can say whether the encoder reads them to their end.
    """

    @property
    def max_tokens(self) -> int:
        """Most tokens that are read at once, special tokens and prefix included. Nothing is loaded for it."""
        ...

    def passage_tokens(self) -> int:
        """What of :attr:`max_tokens` special tokens and prefix leave to a passage and its context."""
        ...

    def token_starts(self, texts: Sequence[str], /) -> Sequence[NDArray[np.int64]]:
        """Where the tokens of each text start: characters, ascending, shape (tokens,). No special tokens, no prefix."""
        ...

    def coverage(self, texts: Sequence[str], /) -> Coverage:
        """How much of these passages :meth:`embed_passages` reads. What is read in windows counts as read."""
        ...


@runtime_checkable
class FittingChunker(Chunker, Protocol):
    """A chunker that cuts passages to what the pipeline's embedders read."""

    def fitted(self, embedders: Sequence[TokenCounting], /) -> Chunker:
        """The same chunker, whose passages, context included, each of ``embedders`` reads at once wherever possible.

        What must be longer all the same (a row of a table) is left to the embedder's windows.
        """
        ...
