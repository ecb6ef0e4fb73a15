"""Models are loaded from their folder alone, without a word; number format and device follow the hardware."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers.utils import logging

from plait.contracts.errors import ModelError
from plait.embedders import pretrained
from plait.embedders.pretrained import choose_device, choose_dtype, load_pretrained, without_bars

CPU = torch.device("cpu")


def test_a_model_is_loaded_in_the_asked_format(tiny_bert: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = load_pretrained("AutoModel", tiny_bert, where="here", dtype=torch.bfloat16)
    assert model.dtype == torch.bfloat16
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("kind", "said"), [("AutoModel", "this model:"), ("AutoTokenizer", "this model's tokenizer:")])
def test_a_folder_without_the_files_is_refused_with_place_and_fix(tmp_path: Path, kind: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        load_pretrained(kind, tmp_path, where="embedder 'mine'")
    assert caught.value.where == "embedder 'mine'"
    assert caught.value.fix


def test_pickled_weights_are_never_opened(tiny_bert: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((tiny_bert / name).read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot load this model"):
        load_pretrained("AutoModel", tmp_path, where="here")


def test_bars_are_back_after_a_load_that_failed() -> None:
    before = logging.is_progress_bar_enabled()
    with pytest.raises(ValueError, match="broke"), without_bars():
        assert not logging.is_progress_bar_enabled()
        raise ValueError("broke")
    assert logging.is_progress_bar_enabled() == before


@pytest.mark.parametrize(("has", "chosen"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_processor_decides_the_format(monkeypatch: pytest.MonkeyPatch, has: bool, chosen: torch.dtype) -> None:
    monkeypatch.setattr(pretrained, "cpu_has_bfloat16", lambda: has)
    assert choose_dtype("auto", CPU) == chosen
    assert choose_dtype("float32", CPU) == torch.float32


def test_a_named_device_is_taken() -> None:
    assert choose_device("cpu") == CPU
