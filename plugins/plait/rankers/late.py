r"""Late interaction: question and passage meet token by token, not as two single vectors.

.. math:: s(q, p) = \sum_{i} \max_{j} \cos(q_i, p_j)

Khattab and Zaharia 2020, *ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over
BERT* (arXiv:2004.12832). Here it reorders what retrieval found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings, Use
from plait.contracts import Embedder, Hit, IndexView, Query, TokenVectors
from plait.contracts.errors import ConfigError
from plait.rankers.reordering import reorder, spread

__all__ = ["Config", "Late", "max_similarities"]

NAME = "late"


class Config(Settings):
    """Settings of ``late``."""

    embedder: Use | None = None
    """Gives a vector for each token; by default the one the pipeline's first retriever with vectors uses."""
    top: int = Field(default=50, ge=1, le=1_000)
    """How many hits are reordered; each costs an encoding of the whole passage."""
    weight: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of late interaction in the new score; the rest is the score the hit came with."""


class Late:
    """Mixes each hit's score with the sum of its tokens' best cosines; both are first spread over 0 to 1.

    Args:
        config: the settings.
        embedder: the encoder named by ``config.embedder``.

    Raises:
        ConfigError: there is no embedder, or it gives no vectors of tokens.
    """

    def __init__(self, config: Config, embedder: Embedder | None) -> None:
        self.config = config
        if not isinstance(embedder, TokenVectors):
            named = "no retriever of the pipeline has one" if embedder is None else type(embedder).__name__
            raise ConfigError(
                f"late interaction needs an embedder with vectors of tokens ({named})", where=f"ranker {NAME!r}",
                choices=("minilm", "transformers"), fix=f"use('{NAME}', embedder=use('minilm'))",
            )  # fmt: skip
        self.encoder: TokenVectors = embedder

    def rank(self, query: Query, hits: Sequence[Hit], view: IndexView) -> Sequence[Hit]:
        """The same hits, the first ``top`` of them reordered."""
        head = hits[: self.config.top]
        if not head:
            return []
        (question,) = self.encoder.embed_tokens([query.text], "query")
        texts = [view.passage(hit.row).embedding_text for hit in head]
        passages = self.encoder.embed_tokens(texts, "passage")
        found = max_similarities(question, np.concatenate(passages), [len(tokens) for tokens in passages]).tolist()
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
