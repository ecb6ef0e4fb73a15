"""Reordering by a cross-encoder: a model that reads question and passage together (Nogueira and Cho 2019)."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from plait.config import Settings
from plait.contracts import Hit, IndexView, Query
from plait.contracts.errors import ModelError
from plait.embedders.loading import Dtype, choose_device, choose_dtype, load_pretrained
from plait.embedders.location import find_model, weight_files
from plait.rankers.reordering import reorder

__all__ = ["Config", "CrossEncoder"]

NAME = "cross-encoder"


class Config(Settings):
    """Settings of ``cross-encoder``."""

    model: str
    """A local folder or Hugging Face id of a sequence classification model with one or two outputs."""
    top: int = Field(default=20, ge=1, le=200)
    """How many hits are reordered; each costs one run of the model over question and passage."""
    max_tokens: int = Field(default=512, ge=16)
    """Question and passage together; the passage is cut."""
    batch: int = Field(default=16, ge=1)
    """Pairs that run together."""
    dtype: Dtype = "auto"
    """``auto``: bfloat16 where the hardware multiplies it, else float32."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""


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
        self._folder = find_model(config.model)
        weight_files(self._folder)
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def rank(self, query: Query, hits: Sequence[Hit], view: IndexView) -> Sequence[Hit]:
        """The same hits, the first ``top`` of them in the order of the model's scores.

        Raises:
            ModelError: the model cannot be loaded, or a score is not a finite number.
        """
        head = hits[: self.config.top]
        if not head:
            return []
        scores = self._score(query.text, [view.passage(hit.row).embedding_text for hit in head])
        bad = next((hit for hit, score in zip(head, scores, strict=True) if not math.isfinite(score)), None)
        if bad is not None:
            raise ModelError(
                f"the score of passage {bad.passage_id!r} is not a finite number",
                where=self.config.model,
                fix="try dtype='float32'; if it stays, the model or its weights are broken",
            )
        return reorder(NAME, hits, scores, scores)

    def _score(self, question: str, passages: Sequence[str]) -> list[float]:
        tokenizer, model = self._load()
        import torch

        scores: list[float] = []
        with torch.inference_mode():
            for start in range(0, len(passages), self.config.batch):
                part = list(passages[start : start + self.config.batch])
                pairs = tokenizer(
                    [question] * len(part),
                    part,
                    truncation="longest_first",
                    max_length=self.config.max_tokens,
                    padding=True,
                    return_tensors="pt",
                ).to(model.device)
                logits = model(**pairs).logits.float()  # (pairs, outputs)
                scores += (logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]).tolist()
        return scores

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._models()
            return self._loaded

    def _models(self) -> tuple[Any, Any]:
        where = self.config.model
        tokenizer = load_pretrained("AutoTokenizer", self._folder, where=where)
        device = choose_device(self.config.device)
        model, report = load_pretrained(
            "AutoModelForSequenceClassification",
            self._folder,
            where=where,
            dtype=choose_dtype(self.config.dtype, device),
            output_loading_info=True,
        )
        if report["missing_keys"]:
            # An encoder without its classification head would be given a random one.
            raise ModelError(
                f"this is no trained cross-encoder, it lacks {', '.join(sorted(report['missing_keys'])[:3])}",
                where=where,
                fix="choose a model trained to rank, such as cross-encoder/ms-marco-MiniLM-L6-v2",
            )
        if model.config.num_labels not in (1, 2):
            raise ModelError(
                f"the model has {model.config.num_labels} outputs, a cross-encoder has one or two",
                where=where,
                fix="choose a model trained to rank",
            )
        return tokenizer, model.to(device).eval()
