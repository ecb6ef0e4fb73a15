"""Training beats text on links never seen, never through the links it predicts, and is resumed to the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from plait.contracts.errors import ConfigError, ModelError
from plait.docgraph.rewiring import swapped
from plait.gnn import ArrayGraph, ArrayRelation, TrainingSettings
from plait.gnn.links import holdout, link_scores, random_negatives
from plait.gnn.trained import Trained
from plait.gnn.training import TrainingProgress, train

Made = tuple[ArrayGraph, NDArray[np.float32]]
SETTINGS = TrainingSettings(relations=("cites", "cited_by"), epochs=20, batch=32, width=16, heads=2, rank=4)


def same(first: Trained, second: Trained) -> bool:
    pairs = zip(first.encoder.state_dict().values(), second.encoder.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("encoder", ["sage", "rgcn"])
def test_structure_beats_text_on_links_never_seen(encoder: str, communities: Made) -> None:
    graph, text = communities
    kept, pairs = holdout(graph, 0.2, seed=0)
    negatives = random_negatives(graph, 2000, seed=0)
    trained = train(kept, text, SETTINGS.model_copy(update={"encoder": encoder}), seed=0)
    ours = link_scores(trained.encode(kept, text).vectors, pairs, negatives).auc
    assert ours > link_scores(text, pairs, negatives).auc + 0.03


def test_hgt_learns(communities: Made) -> None:
    """On so few documents it does not beat text; its loss on links that carry no message has to fall all the same."""
    losses: list[float] = []
    graph, text = communities
    train(graph, text, SETTINGS.model_copy(update={"encoder": "hgt"}), progress=lambda p: losses.append(p.loss))
    assert np.mean(losses[-8:]) < np.mean(losses[:8]) - 0.1


def test_shuffled_edges_do_not_beat_text(communities: Made) -> None:
    graph, text = communities
    kept, pairs = holdout(graph, 0.2, seed=0)
    negatives = random_negatives(graph, 2000, seed=0)
    cites = kept.relations["cites"]
    dealt = ArrayRelation(cites.source, swapped(cites.source, cites.target, np.random.default_rng(0)), cites.weight)
    control = ArrayGraph(kept.ids, {"cites": dealt, "cited_by": dealt.reversed})
    trained = train(control, text, SETTINGS, seed=0)
    theirs = link_scores(trained.encode(control, text).vectors, pairs, negatives).auc
    assert theirs <= link_scores(text, pairs, negatives).auc


@pytest.mark.parametrize("encoder", ["sage", "hgt"])
def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(encoder: str, communities: Made) -> None:
    graph, text = communities
    settings = SETTINGS.model_copy(update={"encoder": encoder, "max_steps": 6})
    first = train(graph, text, settings, seed=5)
    torch.manual_seed(99)  # whatever the caller's random state is
    assert same(first, train(graph, text, settings, seed=5))
    assert not same(first, train(graph, text, settings, seed=6))


def test_training_leaves_the_callers_random_state_alone(communities: Made) -> None:
    graph, text = communities
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train(graph, text, SETTINGS.model_copy(update={"max_steps": 2}), seed=0)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("encoder", ["sage", "rgcn", "hgt"])
def test_an_interrupted_run_goes_on_to_the_same_bits(encoder: str, communities: Made, tmp_path: Path) -> None:
    graph, text = communities
    settings = SETTINGS.model_copy(update={"encoder": encoder, "max_steps": 25})
    whole = train(graph, text, settings, seed=2)
    state = tmp_path / "state.safetensors"

    class InterruptedRunError(Exception):
        pass

    def stop(progress: TrainingProgress) -> None:
        if progress.step == 13:
            raise InterruptedRunError

    with pytest.raises(InterruptedRunError):
        train(graph, text, settings, seed=2, state=state, every=5, progress=stop)
    steps: list[int] = []
    resumed = train(graph, text, settings, seed=2, resume_from=state, progress=lambda p: steps.append(p.step))
    assert steps == list(range(11, 26))
    assert same(whole, resumed)


def test_a_training_state_of_another_run_is_refused(communities: Made, tmp_path: Path) -> None:
    graph, text = communities
    state = tmp_path / "state.safetensors"
    settings = SETTINGS.model_copy(update={"max_steps": 2})
    train(graph, text, settings, seed=0, state=state)
    with pytest.raises(ConfigError, match="of another run: seed differ"):
        train(graph, text, settings, seed=1, resume_from=state)
    with pytest.raises(ConfigError, match="of another run: graph, pairs differ"):
        train(graph.without(np.array([(8, 4), (9, 5), (40, 0)])), text, settings, seed=0, resume_from=state) if len(
            graph.without(np.array([(8, 4), (9, 5), (40, 0)])).relations["cites"].source
        ) < len(graph.relations["cites"].source) else pytest.fail("the pairs are no citations")
    state.write_bytes(b"not a state")
    with pytest.raises(ModelError, match="no training state"):
        train(graph, text, settings, seed=0, resume_from=state)


def test_progress_counts_every_step(communities: Made) -> None:
    graph, text = communities
    seen: list[TrainingProgress] = []
    train(graph, text, SETTINGS.model_copy(update={"max_steps": 7}), seed=0, progress=seen.append)
    assert [p.step for p in seen] == list(range(1, 8))
    assert {p.steps for p in seen} == {7}
    assert all(np.isfinite(p.loss) for p in seen)


def test_batch_pairs_carry_no_message(communities: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every step, no block holds an edge between the two documents of a pair that is being predicted."""
    from plait.gnn.sampling import NeighbourSampler

    graph, text = communities
    checked = 0
    original = NeighbourSampler.blocks

    def spied(self, targets, layers, **options):  # type: ignore[no-untyped-def]
        nonlocal checked
        blocks = original(self, targets, layers, **options)
        for block in blocks:
            for edges in block.edges:
                owner = block.nodes[np.repeat(np.arange(block.targets), np.diff(edges.starts))]
                keys = owner * self.documents + block.nodes[edges.sources]
                assert not np.isin(keys, options["excluded"]).any()
                checked += len(keys)
        return blocks

    monkeypatch.setattr(NeighbourSampler, "blocks", spied)
    train(graph, text, SETTINGS.model_copy(update={"max_steps": 3, "depth": 2}), seed=0)
    assert checked > 100


def test_new_documents_are_encoded_without_training(communities: Made) -> None:
    graph, text = communities
    cites = graph.relations["cites"]
    old = (cites.source < 100) & (cites.target < 100)
    before = ArrayRelation(cites.source[old], cites.target[old], cites.weight[old])
    trained = train(
        ArrayGraph(graph.ids[:100], {"cites": before, "cited_by": before.reversed}), text[:100], SETTINGS, seed=0
    )
    found = trained.encode(graph, text)
    community = np.arange(120) % 4
    new = np.arange(100, 120)
    nearest = np.argmax(found.vectors[new] @ found.vectors[:100].T, axis=1)
    by_text = np.argmax(text[new] @ text[:100].T, axis=1)
    assert found.has_structure[new].all()
    assert (community[nearest] == community[new]).mean() > (community[by_text] == community[new]).mean() + 0.1


def test_bad_input_is_refused_with_a_sentence(communities: Made) -> None:
    graph, text = communities
    empty = ArrayGraph(graph.ids, {name: ArrayRelation.of([]) for name in graph.relations})
    with pytest.raises(ConfigError, match="has 0 pairs, which is too few to learn from"):
        train(empty, text, SETTINGS)
    loops = ArrayGraph(graph.ids, {name: ArrayRelation.of([(1, 1), (2, 2)]) for name in graph.relations})
    with pytest.raises(ConfigError, match="has 0 pairs"):
        train(loops, text, SETTINGS)
    with pytest.raises(ConfigError, match="no relation 'likes' to learn from"):
        train(graph, text, SETTINGS.model_copy(update={"supervision": "likes"}))
    with pytest.raises(ModelError, match="120 documents, but the text features have the shape"):
        train(graph, text[:50], SETTINGS)
    with pytest.raises(ModelError, match="'d3' has length 2"):
        train(graph, np.where(np.arange(120)[:, None] == 3, 2 * text, text).astype(np.float32), SETTINGS)
    with pytest.raises(ConfigError, match="cannot be divided among 3 heads"):
        train(graph, text, SETTINGS.model_copy(update={"encoder": "hgt", "heads": 3}))
    trained = train(graph, text, SETTINGS.model_copy(update={"max_steps": 1}))
    with pytest.raises(ModelError, match="trained on text vectors of 24 numbers, these have 12"):
        trained.encode(graph, text[:, :12])
    with pytest.raises(ConfigError, match="there is no device 'abacus'"):
        train(graph, text, SETTINGS.model_copy(update={"device": "abacus"}))


def test_cycles_and_repeated_edges_train_like_any_others(communities: Made) -> None:
    _, text = communities
    ring = ArrayRelation.of([(n, (n + 1) % 120) for n in range(120)] * 2 + [(n, n) for n in range(5)])
    graph = ArrayGraph(tuple(map(str, range(120))), {"cites": ring, "cited_by": ring.reversed})
    assert np.isfinite(
        train(graph, text, SETTINGS.model_copy(update={"max_steps": 3})).encode(graph, text).vectors
    ).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_trains_to_the_same_figures(communities: Made) -> None:
    graph, text = communities
    on_cpu = train(graph, text, SETTINGS.model_copy(update={"device": "cpu"}), seed=0).encode(graph, text)
    on_gpu = train(graph, text, SETTINGS.model_copy(update={"device": "cuda"}), seed=0).encode(graph, text)
    assert np.abs(on_cpu.vectors - on_gpu.vectors).max() < 1e-3
