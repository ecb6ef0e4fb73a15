from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from plait.contracts import EmbeddingSpace
from plait.contracts.errors import ConfigError, IdentityError, ModelError
from plait.fusion.tokens.projector import Projector

SPACE = EmbeddingSpace("tiny:abc", width=12, rms=0.05)
STRUCTURAL = {"encoder": "sage", "weights": "123"}


@pytest.fixture
def vectors() -> NDArray[np.float32]:
    table = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    return table / np.linalg.norm(table, axis=1, keepdims=True)


def opened(projector: Projector, gate: float = 0.7) -> Projector:
    with torch.no_grad():
        projector.gate.fill_(gate)
    return projector


def everywhere(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.ones(len(vectors), dtype=np.bool_)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_offsets_are_exactly_zero_before_training(vectors: NDArray[np.float32], k: int) -> None:
    offsets = Projector(6, SPACE, k=k).offsets(vectors, everywhere(vectors))
    assert offsets.shape == (5, k, 12)
    assert offsets.dtype == np.float32
    assert not offsets.any()


def test_an_open_gate_gives_tokens_of_the_size_of_the_models_own(vectors: NDArray[np.float32]) -> None:
    offsets = opened(Projector(6, SPACE, k=2), gate=20.0).offsets(vectors, everywhere(vectors))
    assert np.allclose(np.sqrt((offsets**2).mean(axis=-1)), SPACE.rms, rtol=1e-4)
    half = opened(Projector(6, SPACE, k=2), gate=0.5).offsets(vectors, everywhere(vectors))
    assert np.allclose(half, np.tanh(0.5) * offsets, atol=1e-6)


def test_the_formula_is_the_one_in_the_module(vectors: NDArray[np.float32]) -> None:
    from math import erf

    projector = opened(Projector(6, SPACE, k=2, hidden=7, seed=3))
    weights = {name: value.detach().numpy().astype(np.float64) for name, value in projector.state_dict().items()}
    inner = vectors * np.sqrt(6) @ weights["inner.weight"].T + weights["inner.bias"]
    active = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
    made = (active @ weights["outer.weight"].T + weights["outer.bias"]).reshape(5, 2, 12)
    wanted = np.tanh(0.7) * 0.05 * made / np.sqrt((made**2).mean(axis=-1, keepdims=True))
    assert np.allclose(projector.offsets(vectors, everywhere(vectors)), wanted, atol=1e-6)


def test_documents_without_structure_get_exact_zeros_also_after_training(vectors: NDArray[np.float32]) -> None:
    projector = opened(Projector(6, SPACE))
    offsets = projector.offsets(vectors, np.array([True, False, True, False, True]))
    assert not offsets[[1, 3]].any()
    assert (offsets[[0, 2, 4]] != 0).all()
    tokens = projector.soft_tokens({1: vectors[0], 3: vectors[4]})
    assert sorted(tokens) == [1, 3]
    assert np.allclose(tokens[3], offsets[4], atol=1e-6)
    alone = projector.soft_tokens({7: vectors[4]})
    assert np.array_equal(alone[7], tokens[3])
    assert projector.soft_tokens({}) == {}


def test_gradients_reach_the_gate_first_and_then_everything_in_front(vectors: NDArray[np.float32]) -> None:
    projector = Projector(6, SPACE, k=2)
    rows = torch.from_numpy(vectors).requires_grad_()
    optimiser = torch.optim.SGD(projector.parameters(), lr=1.0)
    projector(rows, torch.ones(5, dtype=torch.bool)).sum().backward()
    assert projector.gate.grad is not None and projector.gate.grad.abs() > 0
    optimiser.step()
    projector(rows, torch.ones(5, dtype=torch.bool)).square().sum().backward()
    assert rows.grad is not None
    projector.zero_grad()
    rows.grad = None
    projector(rows, torch.ones(5, dtype=torch.bool))[:, 0, 0].sum().backward()
    for value in (*projector.parameters(), rows):
        assert value.grad is not None and value.grad.abs().max() > 0


def test_a_missing_structure_keeps_its_gradient_finite(vectors: NDArray[np.float32]) -> None:
    projector = opened(Projector(6, SPACE))
    rows = torch.zeros(2, 6, requires_grad=True)
    projector(rows, torch.tensor([False, True])).sum().backward()
    assert rows.grad is not None and torch.isfinite(rows.grad).all()


def test_a_seed_makes_the_same_weights_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second, other = (Projector(6, SPACE, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.inner.weight, second.inner.weight)
    assert not torch.equal(first.inner.weight, other.inner.weight)
    del first, second, other
    untouched = torch.rand(3)
    assert torch.equal(untouched, expected)


def test_a_saved_projector_comes_back(vectors: NDArray[np.float32], tmp_path: Path) -> None:
    projector = opened(Projector(6, SPACE, k=2))
    file = tmp_path / "deep" / "projector.safetensors"
    projector.save(file, STRUCTURAL)
    again = Projector.load(file, SPACE, STRUCTURAL, k=2)
    assert np.array_equal(again.offsets(vectors, everywhere(vectors)), projector.offsets(vectors, everywhere(vectors)))
    assert again.space == SPACE
    assert [path.name for path in file.parent.iterdir()] == ["projector.safetensors"]


def test_checkpoints_for_another_model_encoder_or_number_of_tokens_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "projector.safetensors"
    Projector(6, SPACE, k=2).save(file, STRUCTURAL)
    with pytest.raises(IdentityError, match=r"another language model: \{'model': 'tiny:abc'\}, not \{'model': 'big'\}"):
        Projector.load(file, EmbeddingSpace("big", 12, 0.05), STRUCTURAL)
    with pytest.raises(IdentityError, match=r"another language model: \{'width': 12\}"):
        Projector.load(file, EmbeddingSpace("tiny:abc", 24, 0.05), STRUCTURAL)
    with pytest.raises(IdentityError, match=r"another structural encoder: \{'weights': '123'\}.*train it again"):
        Projector.load(file, SPACE, {"encoder": "sage", "weights": "456"})
    with pytest.raises(IdentityError, match="another number of soft tokens"):
        Projector.load(file, SPACE, STRUCTURAL, k=1)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_neither_written_nor_read(tmp_path: Path, bad: float) -> None:
    file = tmp_path / "projector.safetensors"
    projector = Projector(6, SPACE)
    projector.save(file, STRUCTURAL)
    good = file.read_bytes()
    with torch.no_grad():
        projector.outer.weight[0, 0] = bad
    with pytest.raises(ModelError, match=r"1 of the 3072 weights 'outer.weight' .* are not finite"):
        projector.save(file, STRUCTURAL)
    assert file.read_bytes() == good
    tensors = load_file(file)
    tensors["gate"] = torch.tensor(bad)
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened_file:
        metadata = opened_file.metadata()
    save_file(tensors, file, metadata=metadata)
    with pytest.raises(ModelError, match=r"'gate' .* not finite"):
        Projector.load(file, SPACE, STRUCTURAL)


def test_files_that_are_no_projector_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "projector.safetensors"
    with pytest.raises(ModelError, match="no usable soft-token projector"):
        Projector.load(file, SPACE, STRUCTURAL)
    save_file({"x": torch.zeros(1)}, file)
    with pytest.raises(ModelError, match="no usable soft-token projector"):
        Projector.load(file, SPACE, STRUCTURAL)
    Projector(6, SPACE).save(file, STRUCTURAL)
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(ModelError, match="no usable soft-token projector"):
        Projector.load(file, SPACE, STRUCTURAL)


def test_vectors_of_another_width_and_broken_ones_are_refused(vectors: NDArray[np.float32]) -> None:
    projector = Projector(6, SPACE)
    with pytest.raises(ModelError, match=r"takes \(n, 6\)"):
        projector.offsets(vectors[:, :5], everywhere(vectors))
    vectors[2, 0] = np.nan
    with pytest.raises(ModelError, match="not finite"):
        projector.offsets(vectors, everywhere(vectors))


def test_senseless_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"9 soft tokens.*Choices: 1, 2"):
        Projector(6, SPACE, k=9)
    with pytest.raises(ConfigError, match="make no projector"):
        Projector(6, EmbeddingSpace("x", 12, float("nan")))


def test_centred_on_documents_their_tokens_point_in_all_directions() -> None:
    random = np.random.default_rng(2)
    table = (np.eye(1, 6) + 0.2 * random.normal(size=(40, 6))).astype(np.float32)  # all much alike

    def likeness(projector: Projector) -> float:
        tokens = opened(projector).offsets(table, everywhere(table))[:, 0]
        tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
        return float((tokens @ tokens.T)[~np.eye(40, dtype=np.bool_)].mean())

    plain, centred = Projector(6, SPACE), Projector(6, SPACE)
    centred.centre(table)
    assert likeness(plain) > 0.8
    assert abs(likeness(centred)) < 0.1
    assert not Projector(6, SPACE).offsets(table, everywhere(table)).any()


def test_centring_on_one_document_or_on_equal_ones_changes_nothing(vectors: NDArray[np.float32]) -> None:
    for few in (vectors[:0], vectors[:1], np.repeat(vectors[:1], 4, axis=0)):
        projector, plain = Projector(6, SPACE), Projector(6, SPACE)
        projector.centre(few)
        assert all(torch.equal(a, b) for a, b in zip(projector.parameters(), plain.parameters(), strict=True))
