"""A sequence classification model over pairs of texts, loaded late and never with code from its folder."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings
from plait.contracts.errors import ModelError
from plait.embedders.model_folder import find_model, weight_files
from plait.embedders.pretrained import Dtype, choose_device, choose_dtype, load_pretrained

__all__ = ["PairClassifier", "PairSettings"]

_log = logging.getLogger(__name__)


class PairSettings(Settings):
    """Settings of whatever asks such a model."""

    model: str
    """A local folder or Hugging Face id of a sequence classification model."""
    max_tokens: int = Field(default=512, ge=16)
    """Most tokens of both texts together; of more, the longer one is cut, and a warning is logged."""
    batch: int = Field(default=16, ge=1)
    """Pairs that run together."""
    dtype: Dtype = "auto"
    """``auto``: bfloat16 where the hardware multiplies it, else float32."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""


class PairClassifier:
    """Logits of a model that reads two texts together. Nothing is loaded before the first pair.

    Args:
        config: which model, and how it reads.
        trained_to: what the model has to be trained for, for messages: "rank", "judge entailment".

    Raises:
        ModelError: the model is missing or has pickled weights only.
    """

    def __init__(self, config: PairSettings, trained_to: str) -> None:
        self.config = config
        self.name = config.model
        self._folder = find_model(config.model)
        weight_files(self._folder)
        self._trained_to = trained_to
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, one per column of :meth:`logits`.

        Raises:
            ModelError: the model cannot be loaded.
        """
        _, model = self._load()
        return tuple(str(model.config.id2label[number]) for number in range(model.config.num_labels))

    def logits(self, first: Sequence[str], second: Sequence[str]) -> NDArray[np.float32]:
        """What the model says of each pair, shape (pairs, classes). A warning is logged where pairs had to be cut.

        Raises:
            ModelError: the model cannot be loaded, or an output is not a finite number.
        """
        tokenizer, model = self._load()
        import torch

        found: list[NDArray[np.float32]] = []
        cut = longest = 0
        with torch.inference_mode():
            for start in range(0, len(first), self.config.batch):
                part = slice(start, start + self.config.batch)
                texts = list(first[part]), list(second[part])
                pairs = tokenizer(*texts, verbose=False)
                lengths = [len(tokens) for tokens in pairs["input_ids"]]
                if max(lengths) > (most := self.config.max_tokens):
                    cut += sum(length > most for length in lengths)
                    longest = max(longest, *lengths)
                    pairs = tokenizer(*texts, truncation="longest_first", max_length=most)
                pairs = tokenizer.pad(pairs, return_tensors="pt").to(model.device)
                found.append(model(**pairs).logits.float().cpu().numpy())
        if cut:
            _log.warning(
                "%s: %d of %d pairs are longer than max_tokens (%d) and were cut, the longest has %d tokens; raise "
                "max_tokens if the model reads more, or cut shorter passages",
                *(self.name, cut, len(first), self.config.max_tokens, longest),
            )
        logits = np.concatenate(found) if found else np.zeros((0, model.config.num_labels), dtype=np.float32)
        bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
        if len(bad):
            raise ModelError(
                f"an output of the model is not a finite number, for {second[bad[0]][:80]!r}",
                where=self.name,
                fix="try dtype='float32'; if it stays, the model or its weights are broken",
            )
        return logits

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._models()
            return self._loaded

    def _models(self) -> tuple[Any, Any]:
        tokenizer = load_pretrained("AutoTokenizer", self._folder, where=self.name)
        device = choose_device(self.config.device)
        model, report = load_pretrained(
            "AutoModelForSequenceClassification",
            self._folder,
            where=self.name,
            dtype=choose_dtype(self.config.dtype, device),
            output_loading_info=True,
        )
        if report["missing_keys"]:
            # An encoder without its classification head would be given a random one.
            raise ModelError(
                f"this model is not trained to {self._trained_to}, it lacks "
                f"{', '.join(sorted(report['missing_keys'])[:3])}",
                where=self.name,
                fix=f"choose a model trained to {self._trained_to}",
            )
        return tokenizer, model.to(device).eval()
