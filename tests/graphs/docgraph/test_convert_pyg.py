"""Tensors hold what the graph holds, in its order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from plait.contracts import Document
from plait.contracts.errors import DocumentError
from plait.docgraph import GraphSettings, build_graph
from plait.docgraph.convert_pyg import to_hetero_data

torch = pytest.importorskip("torch")
pytest.importorskip("torch_geometric")

Paper = Callable[..., Document]


def test_features_edges_and_weights_are_those_of_the_graph(paper: Paper) -> None:
    graph = build_graph([paper("a", "c"), paper("b", "c"), paper("c", year=1999)])
    features = np.arange(6, dtype=np.float64).reshape(3, 2)
    data = to_hetero_data(graph, features)
    assert data.validate()
    assert data["document"].x.dtype == torch.float32
    assert data["document"].x.tolist() == features.tolist()
    for name, relation in graph.relations.items():
        store = data["document", name, "document"]
        assert store.edge_index.tolist() == [relation.source.tolist(), relation.target.tolist()]
        assert store.edge_weight.tolist() == relation.weight.tolist()
    assert set(data.edge_types) == {("document", name, "document") for name in graph.relations}


def test_an_entity_has_the_mean_of_its_documents(paper: Paper) -> None:
    graph = build_graph(
        [paper("a", authors=["J. Doe"]), paper("b", authors=["J. Doe", "X. Roe"])],
        GraphSettings(entity_nodes=("author",)),
    )
    data = to_hetero_data(graph, np.array([[1.0, 0.0], [3.0, 4.0]]))
    assert data.validate()
    assert data["author"].x.tolist() == [[2.0, 2.0], [3.0, 4.0]]
    assert data["document", "author", "author"].edge_index.tolist() == [[0, 1, 1], [0, 0, 1]]
    assert data["author", "author_of", "document"].edge_index.tolist() == [[0, 0, 1], [0, 1, 1]]
    given = to_hetero_data(graph, np.ones((2, 2)), {"author": np.zeros((2, 5))})
    assert given["author"].x.shape == (2, 5)


def test_the_graph_cannot_be_changed_through_its_tensors(paper: Paper) -> None:
    graph = build_graph([paper("a", "b"), paper("b")])
    to_hetero_data(graph, np.ones((2, 1)))["document", "cites", "document"].edge_weight.zero_()
    assert graph.relations["cites"].weight.tolist() == [1.0]


@pytest.mark.parametrize("features", [np.ones((3, 2)), np.ones(2), np.full((2, 2), np.nan)])
def test_features_of_another_shape_or_without_end_are_refused(paper: Paper, features: np.ndarray) -> None:
    with pytest.raises(DocumentError, match="features"):
        to_hetero_data(build_graph([paper("a"), paper("b")]), features)
