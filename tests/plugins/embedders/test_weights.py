from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from plait.contracts.errors import ModelError
from plait.embedders.weights import weight_files, weights_digest


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match=r"pickles.*model\.safetensors"):
        weight_files(tmp_path)


def test_safetensors_win_over_pickles_beside_them(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert weight_files(tmp_path) == [tmp_path / "model.safetensors"]


def test_an_empty_folder_is_said_to_have_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model\.safetensors"):
        weight_files(tmp_path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "one.safetensors").write_bytes(b"1")
    with pytest.raises(ModelError, match=r"missing: two\.safetensors"):
        weight_files(tmp_path)
    (tmp_path / "two.safetensors").write_bytes(b"2")
    assert [file.name for file in weight_files(tmp_path)] == ["one.safetensors", "two.safetensors"]


def test_changed_weights_have_another_digest(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"one")
    first = weights_digest(tmp_path)
    assert weights_digest(tmp_path) == first
    file.write_bytes(b"two")  # the same size
    os.utime(file, ns=(1, 1))
    assert weights_digest(tmp_path) != first
