from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from plait.contracts import Fold, Structural
from plait.contracts.errors import ConfigError, IdentityError, ModelError
from plait.fusion.vector_layers import Concatenated, FittingSettings, FusionLayer, Gated, cross_fitted, fit
from plait.gnn import ArrayGraph, ArrayRelation, TrainingSettings
from plait.gnn.training import train

KINDS = (Gated, Concatenated)
Made = tuple[NDArray[np.float32], Structural, NDArray[np.int64]]


def unit(table: NDArray[np.float64]) -> NDArray[np.float32]:
    return (table / np.linalg.norm(table, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def made() -> Made:
    """60 documents: text is noise, structure tells which of six groups; links stay inside a group."""
    generator = np.random.default_rng(0)
    group = np.arange(60) % 6
    text = unit(generator.normal(size=(60, 16)))
    structure = unit(generator.normal(size=(6, 16))[group] + 0.3 * generator.normal(size=(60, 16)))
    has = np.ones(60, bool)
    has[[7, 31]] = False
    structure[~has] = text[~has]
    pairs = np.array([(a, b) for a in range(60) for b in range(a) if group[a] == group[b] and (a + b) % 4 == 0])
    return text, Structural(structure, has), pairs


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_fusion_is_text_bit_for_bit(kind: type[FusionLayer], made: Made) -> None:
    text, structure, _ = made
    fusion = kind(16, 16)
    assert np.array_equal(fusion.fuse(text, structure), text)
    tensors = (torch.from_numpy(part) for part in (text, structure.vectors, structure.has_structure))
    assert torch.equal(fusion(*tensors), torch.from_numpy(text))


@pytest.mark.parametrize("kind", KINDS)
def test_training_pulls_linked_documents_together(kind: type[FusionLayer], made: Made) -> None:
    text, structure, pairs = made
    before = float(np.mean(np.sum(text[pairs[:, 0]] * text[pairs[:, 1]], axis=1)))
    settings = FittingSettings(learning_rate=1e-2)
    fused = fit(kind(16, 16), text, [Fold(structure, pairs)], settings).fuse(text, structure)
    assert float(np.mean(np.sum(fused[pairs[:, 0]] * fused[pairs[:, 1]], axis=1))) > before + 0.3
    assert np.allclose(np.linalg.norm(fused, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_without_structure_keep_their_text_after_training(kind: type[FusionLayer], made: Made) -> None:
    text, structure, pairs = made
    fused = fit(kind(16, 16), text, [Fold(structure, pairs)], FittingSettings(learning_rate=1e-2)).fuse(text, structure)
    assert np.array_equal(fused[[7, 31]], text[[7, 31]])
    assert not np.isclose(fused[0], text[0]).all()


def test_the_gate_opens_for_structure_and_stays_shut_for_noise(made: Made) -> None:
    text, structure, pairs = made
    noise = Structural(unit(np.random.default_rng(5).normal(size=(60, 16))), structure.has_structure)
    useful = fit(Gated(16, 16), text, [Fold(structure, pairs)])
    useless = fit(Gated(16, 16), text, [Fold(noise, pairs)])
    assert isinstance(useful, Gated) and isinstance(useless, Gated)
    # Structure that is independent of text may enter with either sign.
    assert abs(float(torch.tanh(useful.gate.detach()))) > 3 * abs(float(torch.tanh(useless.gate.detach())))


def test_fitting_is_deterministic(made: Made) -> None:
    text, structure, pairs = made
    folds = [Fold(structure, pairs)]
    first, second, other = (fit(Gated(16, 16), text, folds, seed=seed).fuse(text, structure) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert first.shape == other.shape


def test_cross_fitting_hides_each_fold_from_its_own_structure() -> None:
    generator = np.random.default_rng(0)
    cites = ArrayRelation.of([(n, n - 1) for n in range(1, 40)])
    graph = ArrayGraph(tuple(map(str, range(40))), {"cites": cites, "cited_by": cites.reversed})
    text = unit(generator.normal(size=(40, 8)))
    settings = TrainingSettings(relations=("cites", "cited_by"), max_steps=5, batch=8)
    trained = train(graph, text, settings)
    folds = cross_fitted(trained, graph, text, folds=3)
    assert sorted(map(tuple, np.concatenate([fold.pairs for fold in folds]).tolist())) == sorted(
        zip(cites.source.tolist(), cites.target.tolist(), strict=True)
    )
    for fold in folds:
        assert np.array_equal(fold.structure.vectors, trained.encode(graph.without(fold.pairs), text).vectors)
        assert not np.array_equal(fold.structure.vectors, trained.encode(graph, text).vectors)
    with pytest.raises(ConfigError, match="39 links cannot be split into 50 folds"):
        cross_fitted(trained, graph, text, folds=50)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_fusion_comes_back_and_others_are_refused(kind: type[FusionLayer], made: Made, tmp_path: Path) -> None:
    text, structure, pairs = made
    fusion = fit(kind(16, 16), text, [Fold(structure, pairs)])
    file = tmp_path / "fusion.safetensors"
    fusion.save(file, {"text": "mini", "graph": "abc"})
    assert np.array_equal(
        kind.load(file, {"text": "mini", "graph": "abc"}).fuse(text, structure), fusion.fuse(text, structure)
    )
    with pytest.raises(IdentityError, match="trained with another text"):
        kind.load(file, {"text": "maxi", "graph": "abc"})
    other = Concatenated if kind is Gated else Gated
    with pytest.raises(ModelError, match="no usable vector fusion"):
        other.load(file, {"text": "mini", "graph": "abc"})
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ModelError, match="no usable vector fusion"):
        kind.load(file, {"text": "mini", "graph": "abc"})


def test_vectors_of_another_width_are_refused(made: Made) -> None:
    text, structure, _ = made
    with pytest.raises(ModelError, match=r"this fusion takes \(n, 16\) and \(n, 8\)"):
        Gated(16, 8).fuse(text, structure)
