"""The lean forward pass against transformers' own, in float32 and bfloat16, padded and not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from plait.contracts.errors import ModelError
from plait.embedders.lean_bert import LeanBert, is_plain_bert
from plait.embedders.model_folder import Pooling, read_recipe, weights_digest
from plait.embedders.text_encoders import PaddedEncoder, agreement
from plait.embedders.tokenising import FileTokeniser, windows_of

TEXTS = [
    "Two.",
    "Citations link documents; a graph network mixes each vector with its neighbours'.",
    "",
    "BM25 weighs a term by how often it occurs, and a rare one more. " * 12,
    "Ein Satz auf Deutsch, 42 % und ein Faden: 🧵",
]
CPU = torch.device("cpu")


def test_the_bundled_model_is_encoded_as_transformers_does(minilm_folder: Path) -> None:
    tokens = windows_of(TEXTS, FileTokeniser(minilm_folder), 256).tokens
    reference = PaddedEncoder(minilm_folder, "mean", CPU, torch.float32)
    recipe = read_recipe(minilm_folder)
    assert agreement(LeanBert(recipe, "mean", torch.float32), reference, tokens) > 0.99999
    assert agreement(LeanBert(recipe, "mean", torch.bfloat16), reference, tokens) > 0.999


def test_the_bundled_weights_are_those_that_need_no_check_at_load(minilm_folder: Path) -> None:
    from plait.embedders.text_encoders import PROVEN

    assert weights_digest(minilm_folder) in PROVEN


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_every_pooling_equals_the_general_encoders(tiny_bert: Path, pooling: Pooling) -> None:
    tokens = windows_of(TEXTS, FileTokeniser(tiny_bert), 64).tokens
    reference = PaddedEncoder(tiny_bert, pooling, CPU, torch.float32).encode(tokens)
    lean = LeanBert(read_recipe(tiny_bert), pooling, torch.float32).encode(tokens)
    np.testing.assert_allclose(lean, reference, atol=2e-5)


@pytest.mark.parametrize("budget", [1, 40, 100_000])
def test_the_size_of_batches_does_not_change_the_vectors(tiny_bert: Path, budget: int) -> None:
    tokens = windows_of(TEXTS * 3, FileTokeniser(tiny_bert), 64).tokens
    alone = np.concatenate([LeanBert(read_recipe(tiny_bert), "mean", torch.float32).encode([ids]) for ids in tokens])
    together = LeanBert(read_recipe(tiny_bert), "mean", torch.float32, budget).encode(tokens)
    np.testing.assert_allclose(together, alone, atol=2e-5)


def with_large_scores(tiny_bert: Path, folder: Path) -> Path:
    """The tiny model with queries and keys so long that exponentials of their products overflow."""
    folder.mkdir()
    for file in tiny_bert.iterdir():
        if file.name != "model.safetensors":
            (folder / file.name).write_bytes(file.read_bytes())
    weights = load_file(tiny_bert / "model.safetensors")
    for name in weights:
        if ".self.query.weight" in name or ".self.key.weight" in name:
            weights[name] = weights[name] * 20
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_scores_that_overflow_the_exponential_are_encoded_again(tiny_bert: Path, tmp_path: Path) -> None:
    folder = with_large_scores(tiny_bert, tmp_path / "large")
    tokens = windows_of(TEXTS, FileTokeniser(folder), 64).tokens
    lean = LeanBert(read_recipe(folder), "mean", torch.float32)
    assert not torch.isfinite(lean._states(tokens, stable=False)[0]).all(), "the case is not as hard as it should be"
    reference = PaddedEncoder(folder, "mean", CPU, torch.float32)
    np.testing.assert_allclose(lean.encode(tokens), reference.encode(tokens), atol=1e-3)
    for ours, theirs in zip(lean.encode_tokens(tokens), reference.encode_tokens(tokens), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-2)


@pytest.mark.parametrize("budget", [1, 40, 100_000])
def test_padding_has_no_say_in_the_states_of_tokens(tiny_bert: Path, budget: int) -> None:
    tokens = windows_of(TEXTS * 3, FileTokeniser(tiny_bert), 64).tokens
    general = PaddedEncoder(tiny_bert, "mean", CPU, torch.float32, budget)
    for encoder in (LeanBert(read_recipe(tiny_bert), "mean", torch.float32, budget), general):
        together = encoder.encode_tokens(tokens)
        for ids, states in zip(tokens, together, strict=True):
            assert states.shape == (len(ids), 48)
            np.testing.assert_allclose(states, encoder.encode_tokens([ids])[0], atol=2e-5)
            np.testing.assert_allclose(states.mean(0), encoder.encode([ids])[0], atol=2e-5)


def test_a_missing_weight_is_named(tiny_bert: Path, tmp_path: Path) -> None:
    weights = load_file(tiny_bert / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((tiny_bert / name).read_bytes())
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        LeanBert(read_recipe(tmp_path), "mean", torch.float32)


def test_weights_saved_under_a_task_head_are_found(tiny_bert: Path, tmp_path: Path) -> None:
    weights = {f"bert.{name}": tensor for name, tensor in load_file(tiny_bert / "model.safetensors").items()}
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((tiny_bert / name).read_bytes())
    save_file(weights, tmp_path / "model.safetensors")
    tokens = windows_of(TEXTS, FileTokeniser(tmp_path), 64).tokens
    prefixed = LeanBert(read_recipe(tmp_path), "mean", torch.float32).encode(tokens)
    np.testing.assert_array_equal(prefixed, LeanBert(read_recipe(tiny_bert), "mean", torch.float32).encode(tokens))


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "roberta"},
        {"hidden_act": "relu"},
        {"position_embedding_type": "relative_key"},
        {"is_decoder": True},
        {"quantization_config": {}},
    ],
)
def test_other_architectures_are_left_to_the_general_encoder(change: dict[str, object]) -> None:
    plain = {"model_type": "bert", "hidden_act": "gelu"}
    assert is_plain_bert(plain)
    assert not is_plain_bert({**plain, **change})
