from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.gnn import ArrayGraph, ArrayRelation


@pytest.fixture
def small() -> ArrayGraph:
    """Six documents, three relations; document 5 is tied to nothing."""
    return ArrayGraph(
        tuple("abcdef"),
        {
            "cites": ArrayRelation.of([(0, 1), (0, 2), (1, 2), (3, 0), (4, 0)]),
            "cited_by": ArrayRelation.of([(1, 0), (2, 0), (2, 1), (0, 3), (0, 4)]),
            "co_author": ArrayRelation.of([(0, 4), (4, 0), (2, 3), (3, 2)], [2.0, 2.0, 1.0, 1.0]),
        },
    )


@pytest.fixture
def features() -> NDArray[np.float32]:
    return unit_rows(6, 8)


@pytest.fixture
def communities() -> tuple[ArrayGraph, NDArray[np.float32]]:
    """120 documents in four communities whose texts hardly tell: citations stay inside a community."""
    generator = np.random.default_rng(7)
    community = np.arange(120) % 4
    centres = generator.normal(size=(4, 24))
    text = centres[community] * 0.6 + generator.normal(size=(120, 24))
    pairs = [
        (a, b)
        for a in range(120)
        for b in generator.choice(np.flatnonzero(community[:a] == community[a]), size=min(3, a // 4), replace=False)
    ]
    cites = ArrayRelation.of(pairs)
    graph = ArrayGraph(tuple(f"d{n}" for n in range(120)), {"cites": cites, "cited_by": cites.reversed})
    return graph, (text / np.linalg.norm(text, axis=1, keepdims=True)).astype(np.float32)


def unit_rows(rows: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    table = np.random.default_rng(seed).normal(size=(rows, width))
    return (table / np.linalg.norm(table, axis=1, keepdims=True)).astype(np.float32)
