from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from plait.embedders import text_encoders
from plait.embedders.lean_bert import LeanBert
from plait.embedders.model_folder import read_recipe
from plait.embedders.text_encoders import PaddedEncoder, agreement, make_encoder
from plait.embedders.tokenising import FileTokeniser

CPU = torch.device("cpu")


def make(folder: Path) -> text_encoders.TextEncoder:
    return make_encoder(read_recipe(folder), "unknown", "mean", FileTokeniser(folder), CPU, torch.float32)


def test_a_bert_model_runs_lean_once_it_agrees(tiny_bert: Path) -> None:
    assert isinstance(make(tiny_bert), LeanBert)


def test_a_lean_encoder_that_disagrees_is_put_aside_with_a_warning(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The real encoder with another epsilon, as an architecture would be that the settings do not tell about."""
    original = LeanBert.__init__

    def off(self: LeanBert, *arguments: object) -> None:
        original(self, *arguments)  # type: ignore[arg-type]  # handed on as they came
        self._epsilon = 10.0
        self._positions = self._positions.flip(0)

    monkeypatch.setattr(LeanBert, "__init__", off)
    with caplog.at_level(logging.WARNING):
        assert isinstance(make(tiny_bert), PaddedEncoder)
    assert "disagrees" in caplog.text


def test_agreement_is_the_least_cosine() -> None:
    class Fixed:
        def __init__(self, vectors: list[list[float]]) -> None:
            self.vectors = np.array(vectors, dtype=np.float32)

        def encode(self, texts: object) -> np.ndarray:
            return self.vectors

    one, other = Fixed([[1, 0], [0, 2]]), Fixed([[3, 0], [1, 1]])
    assert agreement(one, other, [[1], [2]]) == pytest.approx(2**-0.5)
    assert agreement(one, Fixed([[1, 0], [np.nan, 0]]), [[1], [2]]) == 0.0
