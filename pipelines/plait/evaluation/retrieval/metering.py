"""Tells the CPU time of encoding a query apart from that of searching with it.

A leg that has an ``embedder`` (an attribute that satisfies :class:`~plait.contracts.Embedder`) gets a meter around
it for as long as the evaluation runs. Of a leg that keeps its encoder elsewhere only the sum is known.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Embedder

__all__ = ["MeteredEmbedder", "metered"]


class MeteredEmbedder:
    """An embedder that adds up the CPU seconds (all threads of the process) of encoding queries.

    Args:
        inner: the embedder that does the work.
    """

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.cpu_seconds = 0.0

    @property
    def dimension(self) -> int:
        """Width of the vectors."""
        return self.inner.dimension

    def fingerprint(self) -> Mapping[str, Any]:
        """The inner embedder's: metering changes no vector."""
        return self.inner.fingerprint()

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of passages, shape (len(texts), dimension); not metered."""
        return self.inner.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of queries, shape (len(texts), dimension)."""
        start = time.process_time()
        try:
            return self.inner.embed_queries(texts)
        finally:
            self.cpu_seconds += time.process_time() - start


@contextmanager
def metered(legs: Mapping[str, object]) -> Iterator[Mapping[str, MeteredEmbedder]]:
    """Meters the embedders of retrievers inside the block; they are put back after it.

    Args:
        legs: retrievers by label. Each gets a meter of its own, also where two share one embedder.

    Yields:
        The meters, by label; legs without an embedder have none.
    """
    meters: dict[str, MeteredEmbedder] = {}
    placed: list[tuple[Any, Embedder]] = []
    try:
        for label, retriever in legs.items():
            embedder = getattr(retriever, "embedder", None)
            if not isinstance(embedder, Embedder):
                continue
            meter = MeteredEmbedder(embedder)
            try:
                setattr(retriever, "embedder", meter)  # noqa: B010 - the attribute is not part of the protocol
            except AttributeError:
                continue  # read-only: the report then says that encoding is not told apart for this leg
            placed.append((retriever, embedder))
            meters[label] = meter
        yield meters
    finally:
        for retriever, embedder in reversed(placed):
            retriever.embedder = embedder
