"""Reordering by a cross-encoder: a model that reads question and passage together (Nogueira and Cho 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from plait.contracts import Hit, IndexView, Query
from plait.contracts.errors import ModelError
from plait.rankers.pair_classifier import PairClassifier, PairSettings
from plait.rankers.reordering import reorder

__all__ = ["Config", "CrossEncoder"]

NAME = "cross-encoder"


class Config(PairSettings):
    """Settings of ``cross-encoder``."""

    model: str
    """A local folder or Hugging Face id of a sequence classification model with one or two outputs."""
    top: int = Field(default=20, ge=1, le=200)
    """How many hits are reordered; each costs one run of the model over question and passage."""


class CrossEncoder:
    """Scores of a sequence classification model.

    A model with one output gives its logit, one with two the log-odds of the second (relevant) class. Nothing is
    loaded before the first question.

    Args:
        config: the settings.

    Raises:
        ModelError: the model is missing or has pickled weights only.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._model = PairClassifier(config, trained_to="rank")

    def rank(self, query: Query, hits: Sequence[Hit], view: IndexView) -> Sequence[Hit]:
        """The same hits, the first ``top`` of them in the order of the model's scores.

        Raises:
            ModelError: the model cannot be loaded, or a score is not a finite number.
        """
        head = hits[: self.config.top]
        if not head:
            return []
        if (outputs := len(self._model.labels)) > 2:
            raise ModelError(
                f"the model has {outputs} outputs, a cross-encoder has one or two",
                where=self.config.model,
                fix="choose a model trained to rank, such as cross-encoder/ms-marco-MiniLM-L6-v2",
            )
        passages = [view.passage(hit.row).embedding_text for hit in head]
        logits = self._model.logits([query.text] * len(head), passages)  # (hits, outputs)
        scores: list[float] = (logits[:, 0] if outputs == 1 else logits[:, 1] - logits[:, 0]).tolist()
        return reorder(NAME, hits, scores, scores)
