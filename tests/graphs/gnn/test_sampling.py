"""A batch sees its neighbours, and no more of them than it asks for."""

from __future__ import annotations

import numpy as np
import pytest

from plait.contracts.errors import ConfigError
from plait.gnn import ArrayGraph, ArrayRelation
from plait.gnn.encoder_graph import pair_keys
from plait.gnn.sampling import NeighbourSampler


def neighbours(graph: ArrayGraph, target: int, **options: object) -> dict[int, float]:
    block = NeighbourSampler(graph, ("cites",)).blocks(np.array([target]), 1, **options)[0]  # type: ignore[arg-type]
    edges = block.edges[0]
    return dict(zip(block.nodes[edges.sources.numpy()].tolist(), edges.weights.tolist(), strict=True))


def test_shares_of_a_row_add_up_to_one() -> None:
    graph = ArrayGraph(tuple("abc"), {"cites": ArrayRelation.of([(0, 1), (0, 2)], [3.0, 1.0])})
    assert neighbours(graph, 0) == {1: 0.75, 2: 0.25}
    assert neighbours(graph, 1) == {}


def test_excluded_pairs_are_not_seen_and_the_rest_is_shared_anew() -> None:
    graph = ArrayGraph(tuple("abc"), {"cites": ArrayRelation.of([(0, 1), (0, 2)], [3.0, 1.0])})
    assert neighbours(graph, 0, excluded=pair_keys([(1, 0)], 3)) == {2: 1.0}


def test_long_rows_are_sampled_without_bias() -> None:
    graph = ArrayGraph(tuple(map(str, range(101))), {"cites": ArrayRelation.of([(0, n) for n in range(1, 101)])})
    random = np.random.default_rng(0)
    seen = np.zeros(101)
    for _ in range(400):
        drawn = neighbours_with_repeats(graph, random)
        assert len(drawn) == 10
        np.add.at(seen, drawn, 1)
    assert seen[0] == 0
    assert abs(seen[1:].mean() - 40) < 1e-9
    assert seen[1:].std() < 10  # a fair draw has about 6.3


def neighbours_with_repeats(graph: ArrayGraph, random: np.random.Generator) -> np.ndarray:
    block = NeighbourSampler(graph, ("cites",)).blocks(np.array([0]), 1, fan_out=10, random=random)[0]
    return block.nodes[block.edges[0].sources.numpy()]


def test_a_hub_does_not_blow_up_a_block() -> None:
    """One document tied to 200,000 others costs a batch no more than its fan-out."""
    count = 200_000
    edges = ArrayRelation.of(np.stack([np.zeros(count, np.int64), np.arange(1, count + 1)], axis=1))
    graph = ArrayGraph(tuple(map(str, range(count + 1))), {"cites": edges})
    block = NeighbourSampler(graph, ("cites",)).blocks(np.array([0, 5]), 2, fan_out=8, random=np.random.default_rng(0))[
        0
    ]
    assert len(block.nodes) <= 2 + 8 + 8


def test_an_unknown_relation_is_refused_with_what_there_is() -> None:
    graph = ArrayGraph(tuple("ab"), {"cites": ArrayRelation.of([(0, 1)])})
    with pytest.raises(ConfigError, match=r"no relation 'cite'.*Choices: cites"):
        NeighbourSampler(graph, ("cite",))
    with pytest.raises(ConfigError, match="no relation is named"):
        NeighbourSampler(graph, ())
