from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from plait.contracts.errors import ConfigError, IdentityError, ModelError
from plait.fusion.vectors.concatenated import Concatenated
from plait.fusion.vectors.fitting import FittingSettings, Fold, QueryPairs, cross_fitted, fit
from plait.fusion.vectors.fused import VectorFusion
from plait.fusion.vectors.gated import Gated
from plait.fusion.vectors.mixed import Mixed, choose_share
from plait.gnn import ArrayGraph, ArrayRelation, TrainingSettings
from plait.gnn.encoding import Structural
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
def test_an_untrained_fusion_is_text_bit_for_bit(kind: type[VectorFusion], made: Made) -> None:
    text, structure, _ = made
    fusion = kind(16, 16)
    assert np.array_equal(fusion.fuse(text, structure), text)
    tensors = (torch.from_numpy(part) for part in (text, structure.vectors, structure.has_structure))
    assert torch.equal(fusion(*tensors), torch.from_numpy(text))


@pytest.mark.parametrize("kind", KINDS)
def test_training_pulls_linked_documents_together(kind: type[VectorFusion], made: Made) -> None:
    text, structure, pairs = made
    before = float(np.mean(np.sum(text[pairs[:, 0]] * text[pairs[:, 1]], axis=1)))
    settings = FittingSettings(learning_rate=1e-2)
    fused = fit(kind(16, 16), text, [Fold(structure, pairs)], settings).fuse(text, structure)
    assert float(np.mean(np.sum(fused[pairs[:, 0]] * fused[pairs[:, 1]], axis=1))) > before + 0.3
    assert np.allclose(np.linalg.norm(fused, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_without_structure_keep_their_text_after_training(kind: type[VectorFusion], made: Made) -> None:
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


def test_query_pairs_move_their_documents_towards_the_queries(made: Made) -> None:
    text, structure, pairs = made
    queries = QueryPairs(structure.vectors[:6].copy(), np.arange(6, 12))
    settings = FittingSettings(learning_rate=1e-2)

    def likeness(fused: NDArray[np.float32]) -> float:
        return float(np.mean(np.sum(fused[queries.documents] * queries.vectors, axis=1)))

    with_queries = fit(Gated(16, 16), text, [Fold(structure, pairs)], settings, queries=queries)
    assert likeness(with_queries.fuse(text, structure)) > likeness(text) + 0.2


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
def test_a_saved_fusion_comes_back_and_others_are_refused(kind: type[VectorFusion], made: Made, tmp_path: Path) -> None:
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


def test_mixing_nothing_in_returns_the_text_scores_themselves() -> None:
    text = np.array([0.1, 0.2], np.float32)
    assert Mixed().scores(text, text * 3, np.array([True, True])) is text
    with pytest.raises(ConfigError, match="not between 0 and 1"):
        Mixed(1.5)


def test_the_share_of_structure_is_chosen_by_links(made: Made) -> None:
    text, structure, pairs = made
    group = np.arange(60) % 6
    generator = np.random.default_rng(1)
    negatives = generator.integers(0, 60, size=(800, 2))
    negatives = negatives[group[negatives[:, 0]] != group[negatives[:, 1]]]
    same = Structural(text, structure.has_structure)
    assert choose_share(text, same, pairs, negatives) == 0.0
    told = Structural(
        unit(text[[np.flatnonzero(group == g)[0] for g in group]].astype(np.float64)), structure.has_structure
    )
    anchored = unit(told.vectors.astype(np.float64) * 0.5 + text)
    assert choose_share(anchored, told, pairs, negatives) > 0.0
