"""Graphs of arrays hold only edges that can be."""

from __future__ import annotations

import numpy as np
import pytest

from plait.contracts.errors import DocumentError
from plait.gnn import ArrayGraph, ArrayRelation


def test_edges_to_documents_that_do_not_exist_are_refused() -> None:
    with pytest.raises(DocumentError, match="names document 9, but there are 2"):
        ArrayGraph(tuple("ab"), {"cites": ArrayRelation.of([(0, 9)])})


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_that_are_no_strengths_are_refused(weight: float) -> None:
    with pytest.raises(DocumentError, match="not a finite number above 0"):
        ArrayRelation.of([(0, 1)], [weight])


def test_without_takes_both_directions_out_of_every_relation(small: ArrayGraph) -> None:
    cut = small.without(np.array([(0, 4)]))
    for edges in cut.relations.values():
        pairs = set(zip(edges.source.tolist(), edges.target.tolist(), strict=True))
        assert not pairs & {(0, 4), (4, 0)}
    assert (
        sum(len(e.source) for e in small.relations.values()) - sum(len(e.source) for e in cut.relations.values()) == 4
    )
