"""Links to learn from and to measure on, the loss, and the control."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from plait.contracts.errors import ConfigError
from plait.gnn import ArrayGraph, ArrayRelation
from plait.gnn.encoder_graph import pair_keys
from plait.gnn.links import area_under_curve, hits_at, holdout, info_nce, random_negatives, true_elsewhere

Made = tuple[ArrayGraph, NDArray[np.float32]]


def keys(relation: ArrayRelation, count: int) -> set[int]:
    return set((relation.source * count + relation.target).tolist())


def test_held_out_links_are_in_no_relation(communities: Made) -> None:
    graph, _ = communities
    both = ArrayGraph(graph.ids, {**graph.relations, "co_author": graph.relations["cites"]})
    kept, pairs = holdout(both, 0.25, seed=1)
    held = {a * 120 + b for a, b in pairs.tolist()} | {b * 120 + a for a, b in pairs.tolist()}
    for relation in kept.relations.values():
        assert not keys(relation, 120) & held
    assert len(pairs) + len(kept.relations["cites"].source) == len(graph.relations["cites"].source)


def test_two_papers_that_cite_each_other_are_one_link() -> None:
    pairs = [(n, n + 1) for n in range(20)] + [(n + 1, n) for n in range(20)]
    graph = ArrayGraph(tuple(map(str, range(21))), {"cites": ArrayRelation.of(pairs)})
    kept, held = holdout(graph, 0.5, seed=0)
    assert len(held) == 10
    assert len(kept.relations["cites"].source) == 20


@pytest.mark.parametrize("share", [0.0, 1.0, 0.0001])
def test_a_share_that_leaves_one_side_empty_is_refused(share: float, communities: Made) -> None:
    with pytest.raises(ConfigError, match="leaves no link"):
        holdout(communities[0], share, seed=0)


def test_negatives_are_never_links(communities: Made) -> None:
    graph, _ = communities
    negatives = random_negatives(graph, 5000, seed=0)
    drawn = set((negatives[:, 0] * 120 + negatives[:, 1]).tolist())
    assert len(negatives) == 5000
    assert not drawn & (keys(graph.relations["cites"], 120) | keys(graph.relations["cited_by"], 120))
    assert (negatives[:, 0] != negatives[:, 1]).all()


def test_a_complete_graph_has_no_negatives() -> None:
    pairs = [(a, b) for a in range(4) for b in range(4) if a != b]
    with pytest.raises(ConfigError, match="no negatives"):
        random_negatives(ArrayGraph(tuple("abcd"), {"cites": ArrayRelation.of(pairs)}), 3, seed=0)


def test_the_area_under_the_curve_counts_pairs() -> None:
    generator = np.random.default_rng(0)
    positive, negative = generator.integers(0, 9, 40) / 9, generator.integers(0, 7, 60) / 9
    counted = np.mean([[1.0 if p > n else 0.5 if p == n else 0.0 for n in negative] for p in positive])
    assert abs(area_under_curve(positive, negative) - counted) < 1e-12


def test_hits_count_documents_that_are_nearer() -> None:
    vectors = np.array([[1, 0], [0.9, 0.1], [0.8, 0.2], [0, 1]], np.float32)
    assert hits_at(vectors, np.array([[0, 1]]), 1) == 1.0
    assert hits_at(vectors, np.array([[0, 2]]), 1) == 0.0
    assert hits_at(vectors, np.array([[0, 2], [0, 3]]), 2) == 0.5


def test_importing_the_package_brings_in_no_torch() -> None:
    code = "import sys, plait.gnn; sys.exit(bool({'torch', 'scipy', 'torch_geometric'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_info_nce_equals_its_formula() -> None:
    generator = np.random.default_rng(0)
    first, second = (generator.normal(size=(4, 3)) for _ in range(2))
    scores = first @ second.T / 0.1
    ignored = np.zeros((4, 4), bool)
    ignored[1, 2] = True
    scores[ignored] = -np.inf
    rows = -np.mean([scores[i, i] - np.log(np.exp(scores[i]).sum()) for i in range(4)])
    columns = -np.mean([scores[i, i] - np.log(np.exp(scores[:, i]).sum()) for i in range(4)])
    found = info_nce(torch.from_numpy(first), torch.from_numpy(second), 0.1, torch.from_numpy(ignored))
    assert abs(float(found) - (rows + columns) / 2) < 1e-9


def test_true_links_inside_a_batch_are_no_negatives() -> None:
    pairs = np.array([(0, 1), (2, 3), (0, 4)])
    cells = true_elsewhere(pairs, pair_keys([(0, 1), (2, 3), (0, 4), (2, 1)], 5), 5)
    assert cells.tolist() == [[False, False, True], [True, False, False], [True, False, False]]


def test_true_links_are_found_as_by_comparing_every_pair() -> None:
    generator = np.random.default_rng(0)
    links = generator.integers(0, 30, size=(150, 2))
    links = links[links[:, 0] != links[:, 1]]
    batch = links[generator.permutation(len(links))[:60]]
    known = {frozenset(pair) for pair in links.tolist()}
    cells = true_elsewhere(batch, pair_keys(links, 30), 30)
    for i, (u, _) in enumerate(batch.tolist()):
        for j, (_, v) in enumerate(batch.tolist()):
            assert cells[i, j] == (i != j and (u == v or frozenset((u, v)) in known))
