r"""Late interaction: question and passage meet token by token, not as two single vectors.

.. math:: s(q, p) = \sum_{i} \max_{j} \cos(q_i, p_j)

Khattab and Zaharia 2020, *ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over
BERT* (arXiv:2004.12832). Here it reorders what retrieval found.

The passages' vectors are made anew for each question, or kept in a column of the index, where they may be pooled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings, Use
from plait.contracts import Column, ColumnValues, Embedder, Hit, IndexView, IngestBatch, Query, TokenVectors
from plait.contracts.errors import ConfigError
from plait.embedders.late_interaction import ColBERT
from plait.rankers.reordering import reorder, spread
from plait.rankers.token_adapter import adapted_tokens
from plait.rankers.token_pooling import pooled

__all__ = ["Config", "Late", "max_similarities"]

NAME = "late"
_AT_ONCE = 256
"""Passages whose vectors are held in float32 at a time while documents are added."""


class Config(Settings):
    """Settings of ``late``."""

    embedder: Use | None = None
    """Gives a vector for each token; by default the one the pipeline's first retriever with vectors uses."""
    model: str | None = None
    """A model trained for late interaction, in its place: local folder or Hugging Face id of a ColBERT or PyLate model.
    Safetensors weights only; code in the model's folder never runs."""
    top: int = Field(default=50, ge=1, le=1_000)
    """How many hits are reordered; each costs an encoding of the whole passage, unless its vectors are kept."""
    weight: float = Field(default=0.3, ge=0.0, le=1.0)
    """Share of late interaction in the new score; the rest is the score the hit came with."""
    column: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    """The index column that keeps the passages' vectors (768 bytes a token with ``minilm``); with none they are made
    for each question. Adding documents encodes them once more for it."""
    pool: int = Field(default=1, ge=1, le=16)
    """How many tokens of a passage share one vector, on average; more than 1 needs scipy."""


class Late:
    """Mixes each hit's score with the sum of its tokens' best cosines; both are first spread over 0 to 1.

    Args:
        config: the settings.
        embedder: the encoder named by ``config.embedder``, unless a model is.

    Raises:
        ConfigError: there is neither model nor embedder, or the embedder gives no vectors of tokens.
        ModelError: the model is missing, is none of late interaction, or has pickled weights only.
    """

    def __init__(self, config: Config, embedder: Embedder | None) -> None:
        self.config = config
        encoder = embedder if config.model is None else ColBERT(config.model)
        if not isinstance(encoder, TokenVectors):
            named = "no retriever of the pipeline has one" if embedder is None else type(embedder).__name__
            raise ConfigError(
                f"late interaction needs an embedder with vectors of tokens ({named})", where=f"ranker {NAME!r}",
                choices=("minilm", "transformers"), fix=f"use('{NAME}', embedder=use('minilm'))",
            )  # fmt: skip
        self.encoder: TokenVectors = encoder

    @property
    def columns(self) -> Sequence[Column]:
        """The column of token vectors, where they are kept."""
        return (Column(self.config.column, "tokens", self.encoder.token_dimension),) if self.config.column else ()

    def fingerprint(self) -> Mapping[str, Any]:
        """The encoder's fingerprint, and how its vectors are pooled."""
        return {"encoder": dict(self.encoder.fingerprint()), "pool": self.config.pool}

    def encode(self, batch: IngestBatch) -> Mapping[str, ColumnValues]:
        """Vectors of each passage's tokens in float16, shape (tokens, dimension), where they are kept."""
        if not self.config.column:
            return {}
        found: list[NDArray[np.float16]] = []
        texts = [passage.embedding_text for passage in batch.passages]
        for start in range(0, len(texts), _AT_ONCE):
            found += [tokens.astype(np.float16) for tokens in self._passages(texts[start : start + _AT_ONCE])]
        return {self.config.column: found}

    def _passages(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        return [pooled(tokens, self.config.pool) for tokens in self.encoder.embed_tokens(texts, "passage")]

    def rank(self, query: Query, hits: Sequence[Hit], view: IndexView) -> Sequence[Hit]:
        """The same hits, the first ``top`` of them reordered, with what ``plait train late`` has learnt, if anything.

        Raises:
            IdentityError: that was learnt with another encoder.
            IndexStoreError: the index has no such column.
        """
        head = hits[: self.config.top]
        if not head:
            return []
        (question,) = self.encoder.embed_tokens([query.text], "query")
        question = adapted_tokens(question, view, self.encoder)
        passages: Sequence[NDArray[np.floating[Any]]]
        if self.config.column:
            passages = view.tokens(self.config.column, [hit.row for hit in head])
        else:
            passages = self._passages([view.passage(hit.row).embedding_text for hit in head])
        tokens = np.concatenate(passages, dtype=np.float32)  # (t, dimension), of all passages
        found = max_similarities(question, tokens, [len(vectors) for vectors in passages]).tolist()
        weight = self.config.weight
        mixed = [
            weight * late + (1.0 - weight) * came
            for late, came in zip(spread(found), spread([hit.score for hit in head]), strict=True)
        ]
        return reorder(NAME, hits, found, mixed)


def max_similarities(
    question: NDArray[np.float32], tokens: NDArray[np.float32], counts: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.float32]:
    """For each passage the sum, over the question's tokens, of the largest product with a token of the passage.

    Args:
        question: vectors of the question's tokens, shape (q, dimension).
        tokens: those of all passages one after another, shape (t, dimension).
        counts: how many of them belong to each passage, shape (passages,), t in all.

    Returns:
        shape (passages,); -q for a passage without tokens, the least that cosines can give.

    Example:
        >>> tokens = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
        >>> max_similarities(np.eye(2, dtype=np.float32), tokens, [2, 1, 0]).tolist()
        [2.0, 1.0, -2.0]
    """
    counts = np.asarray(counts, dtype=np.int64)
    found = np.full(len(counts), -float(len(question)), dtype=np.float32)
    some = counts > 0
    if some.any() and len(question):
        starts = np.concatenate(([0], np.cumsum(counts[some])[:-1]))
        products = tokens @ question.T  # (t, q)
        found[some] = np.maximum.reduceat(products, starts, axis=0).sum(axis=1)
    return found
