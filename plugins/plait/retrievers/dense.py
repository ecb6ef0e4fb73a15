"""Dense retrieval: the passages whose embeddings lie nearest to the query's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings, Use, use
from plait.contracts import Column, ColumnValues, Embedder, Hit, IndexView, IngestBatch, Query
from plait.retrievers.query_adapter import adapted

__all__ = ["Config", "Dense"]


class Config(Settings):
    """Settings of ``dense``."""

    embedder: Use = use("minilm")
    """Which encoder turns passages and queries into vectors."""
    column: str = Field(default="dense", pattern=r"^[a-z][a-z0-9_]*$")
    """The index column that holds the vectors; two dense retrievers in one pipeline need two."""
    adapter: bool = True
    """Whether questions go through what ``plait train retriever`` has learnt for the column; without, as embedded."""


class Dense:
    """Cosine similarity between the query's embedding and every passage's.

    The vectors have length 1, so the score is their inner product, between -1 and 1.

    Args:
        config: the settings.
        embedder: the encoder named by ``config.embedder``.
    """

    def __init__(self, config: Config, embedder: Embedder) -> None:
        self.config = config
        self.embedder = embedder

    @property
    def columns(self) -> Sequence[Column]:
        """One vector column, as wide as the embedder's vectors."""
        return (Column(self.config.column, "vector", self.embedder.dimension),)

    def fingerprint(self) -> Mapping[str, Any]:
        """The embedder's fingerprint: vectors of another model are another space, also at the same width."""
        return {"embedder": dict(self.embedder.fingerprint())}

    def encode(self, batch: IngestBatch) -> Mapping[str, ColumnValues]:
        """Embeds each passage with its context; shape (passages, dimension)."""
        texts = [passage.embedding_text for passage in batch.passages]
        return {self.config.column: self.embedder.embed_passages(texts)}

    @property
    def vector_column(self) -> str:
        """The index column that holds the vectors."""
        return self.config.column

    def made_by(self, _view: IndexView) -> Mapping[str, Any]:
        """What the vectors of a view depend on beside the embedder: nothing."""
        return {}

    def adapted(self, vector: NDArray[np.float32], view: IndexView) -> NDArray[np.float32]:
        """A question's vector as the column is searched with it, shape (dimension,).

        Raises:
            IdentityError: the adapter that ``plait train retriever`` has left was trained with another embedder.
        """
        return adapted(vector, view, self) if self.config.adapter else vector

    def retrieve(self, query: Query, view: IndexView, k: int) -> Sequence[Hit]:
        """The k passages of highest cosine among those that satisfy the query's filters.

        Where ``plait train retriever`` has left an adapter for the column, with the adapted question.

        Raises:
            IdentityError: the adapter was trained with another embedder.
        """
        if not len(view) or k < 1:
            return []
        vector = self.embedder.embed_queries([query.text])[0]  # (dimension,)
        allowed = view.allowed(query.filters)
        rows, cosines = view.nearest(self.config.column, self.adapted(vector, view), k, allowed)
        return view.hits(rows, cosines)
