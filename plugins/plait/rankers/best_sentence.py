"""Reordering by the best sentence: a long passage may answer in one line that its whole vector hides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from plait.config import Settings, Use, use
from plait.contracts import Embedder, Hit, IndexView, Query
from plait.rankers.reordering import reorder, spread
from plait.text.sentences import sentence_spans

__all__ = ["BestSentence", "Config"]

NAME = "sentences"


class Config(Settings):
    """Settings of ``sentences``."""

    embedder: Use = use("minilm")
    """The encoder of question and sentences."""
    top: int = Field(default=20, ge=1, le=200)
    """How many hits are reordered; each costs an encoding of all its sentences."""
    weight: float = Field(default=0.3, ge=0.0, le=1.0)
    """Share of the best sentence in the new score; the rest is the score the hit came with."""


class BestSentence:
    """Mixes each hit's score with the cosine of its nearest sentence (MaxP of Dai and Callan 2019, over sentences).

    Both are first spread over 0 to 1 within the reordered hits. Measured with MiniLM behind reciprocal rank fusion on
    110 training claims of SciFact: nDCG@10 .741 without, .757, .759, .757, .722 and .690 at weights .1, .3, .4, .7 and
    1 (17 queries better and 8 worse at .3). Alone the sentences are worse than the fusion. The encoding of about 180
    sentences makes it some hundred times dearer than the rest of retrieval, hence off unless a pipeline names it.

    Args:
        config: the settings.
        embedder: the encoder named by ``config.embedder``.
    """

    def __init__(self, config: Config, embedder: Embedder) -> None:
        self.config = config
        self.embedder = embedder

    def rank(self, query: Query, hits: Sequence[Hit], view: IndexView) -> Sequence[Hit]:
        """The same hits, the first ``top`` of them reordered."""
        head = hits[: self.config.top]
        if not head:
            return []
        owners: list[int] = []
        sentences: list[str] = []
        for position, hit in enumerate(head):
            text = view.passage(hit.row).text
            parts = [text[start:end] for start, end in sentence_spans(text)] or [text]
            owners += [position] * len(parts)
            sentences += parts
        question = self.embedder.embed_queries([query.text])[0]  # (d,)
        cosines = np.vecdot(self.embedder.embed_passages(sentences), question)  # (sentences,)
        best = np.full(len(head), -1.0)
        np.maximum.at(best, owners, cosines)
        nearest = [float(cosine) for cosine in best]
        weight = self.config.weight
        mixed = [
            weight * near + (1.0 - weight) * came
            for near, came in zip(spread(nearest), spread([hit.score for hit in head]), strict=True)
        ]
        return reorder(NAME, hits, nearest, mixed)
