"""Each encoder against a reference written in NumPy straight from its paper, and what must hold for all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from plait.gnn import ArrayGraph, ArrayRelation, EncoderSettings
from plait.gnn.encoders import Encoder, Propagation, build_encoder
from plait.gnn.layers import HgtLayer, RgcnLayer, SageLayer, unit
from plait.gnn.sampling import NeighbourSampler
from plait.gnn.trained import encode

Array = NDArray[np.float64]
RELATIONS = ("cites", "cited_by", "co_author")
ENCODERS = ("sage", "rgcn", "hgt")


def whole(graph: ArrayGraph) -> object:
    """All documents as one block, in the order of their numbers."""
    return NeighbourSampler(graph, RELATIONS).blocks(np.arange(len(graph.ids)), 1)[0]


def dense(graph: ArrayGraph, name: str) -> Array:
    matrix = np.zeros((len(graph.ids), len(graph.ids)))
    relation = graph.relations[name]
    matrix[relation.source, relation.target] = relation.weight
    return matrix


def randomised(encoder: torch.nn.Module, seed: int = 3) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in encoder.parameters():
            value.copy_(torch.randn(value.shape, generator=generator) * 0.4)


def numbers(value: torch.Tensor) -> Array:
    return value.detach().numpy().astype(np.float64)


def encoder_of(name: str, *, depth: int = 2) -> Encoder:
    encoder = build_encoder(
        EncoderSettings(encoder=name, relations=RELATIONS, depth=depth, width=12, heads=3, bases=2, rank=4), 8, seed=0
    )
    randomised(encoder)
    return encoder.eval()


def test_rgcn_equals_its_formula(small: ArrayGraph, features: NDArray[np.float32]) -> None:
    layer = RgcnLayer(8, 5, 3, 2)
    randomised(layer)
    with torch.no_grad():
        ours = numbers(layer(torch.from_numpy(features), whole(small)))
    x = features.astype(np.float64)
    own, basis, coefficient = numbers(layer.own.weight), numbers(layer.basis), numbers(layer.coefficient)
    theirs = np.zeros((6, 5))
    for v in range(6):
        total = own @ x[v]
        for r, name in enumerate(RELATIONS):
            matrix = sum(coefficient[r, b] * basis[b] for b in range(2))
            row = dense(small, name)[v]
            for u in np.flatnonzero(row):
                total = total + row[u] / row.sum() * (x[u] @ matrix)
        theirs[v] = np.maximum(total, 0.0)
    assert np.abs(ours - theirs).max() < 1e-5
    assert np.abs(theirs).max() > 0.1


def test_hgt_equals_its_formula(small: ArrayGraph) -> None:
    heads, head, width = 2, 3, 6
    layer = HgtLayer(width, 3, heads)
    randomised(layer)
    states = np.random.default_rng(1).normal(size=(6, width)).astype(np.float32)
    with torch.no_grad():
        ours = numbers(layer(torch.from_numpy(states), whole(small)))
    h = states.astype(np.float64)

    def linear(module: torch.nn.Linear, value: Array) -> Array:
        return numbers(module.weight) @ value + numbers(module.bias)

    def gelu(value: Array) -> Array:
        return np.array([0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in value])

    att, msg, mu = numbers(layer.attention), numbers(layer.transform), numbers(layer.prior)
    theirs = np.zeros((6, width))
    for v in range(6):
        edges = [(r, u) for r, name in enumerate(RELATIONS) for u in np.flatnonzero(dense(small, name)[v])]
        gathered = np.zeros(width)
        for i in range(heads):
            part = slice(i * head, (i + 1) * head)
            query = linear(layer.query, h[v])[part]
            logits = [linear(layer.key, h[u])[part] @ att[r, i] @ query * mu[r, i] / math.sqrt(head) for r, u in edges]
            shares = np.exp(logits) / np.exp(logits).sum() if edges else []
            for share, (r, u) in zip(shares, edges, strict=True):
                gathered[part] += share * (linear(layer.message, h[u])[part] @ msg[r, i])
        theirs[v] = linear(layer.own, gelu(gathered)) + h[v]
    assert np.abs(ours - theirs).max() < 1e-5


def test_sage_equals_its_formula(small: ArrayGraph, features: NDArray[np.float32]) -> None:
    layer = SageLayer(8, 3, 2)
    randomised(layer)
    with torch.no_grad():
        ours = numbers(layer(torch.from_numpy(features), whole(small)))
    x = features.astype(np.float64)
    theirs = np.zeros((6, 8))
    for v in range(6):
        total = x[v].copy()
        for r, name in enumerate(RELATIONS):
            row = dense(small, name)[v]
            if row.any():
                mean = row @ x / row.sum()
                correction = numbers(layer.up[r].weight) @ numbers(layer.down[r].weight)
                total += numbers(layer.gate)[r] * (mean + correction @ mean)
        theirs[v] = total / np.linalg.norm(total)
    assert np.abs(ours - theirs).max() < 1e-5


def test_propagation_reaches_the_closed_form(small: ArrayGraph, features: NDArray[np.float32]) -> None:
    """Many steps of power iteration equal alpha (I - (1 - alpha) A)^-1 x (Gasteiger et al., equation 3)."""
    matrices = [dense(small, name) for name in RELATIONS]
    rows = [
        np.divide(m, m.sum(1, keepdims=True), out=np.zeros_like(m), where=m.sum(1, keepdims=True) > 0) for m in matrices
    ]
    tied = sum((m.sum(1) > 0).astype(float) for m in matrices)
    a = sum(rows) / np.maximum(tied, 1)[:, None]
    exact = 0.3 * np.linalg.solve(np.eye(6) - 0.7 * a, features.astype(np.float64))
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    found = encode(Propagation(depth=80, teleport=0.3), small, features, RELATIONS)
    assert np.abs(found.vectors - exact).max() < 1e-5
    assert found.has_structure.tolist() == [True] * 5 + [False]


@pytest.mark.parametrize("name", ENCODERS)
def test_an_untrained_encoder_returns_the_text_bit_for_bit(
    name: str, small: ArrayGraph, features: NDArray[np.float32]
) -> None:
    encoder = build_encoder(EncoderSettings(encoder=name, relations=RELATIONS, width=12, heads=3), 8, seed=1)
    assert np.array_equal(encode(encoder, small, features, RELATIONS).vectors, features)


@pytest.mark.parametrize("name", ENCODERS)
def test_gradients_reach_the_zero_output(name: str, small: ArrayGraph, features: NDArray[np.float32]) -> None:
    encoder = build_encoder(EncoderSettings(encoder=name, relations=RELATIONS, width=12, heads=3), 8, seed=1)
    vectors = encoder(torch.from_numpy(features), [whole(small)])
    (vectors[0] @ vectors[1]).backward()
    zero = encoder.layers[0].gate if name == "sage" else encoder.output.weight  # type: ignore[index,union-attr]
    assert zero.grad is not None and zero.grad.abs().max() > 1e-4


@pytest.mark.parametrize("name", [*ENCODERS, "propagation"])
def test_renumbering_the_documents_renumbers_the_vectors(
    name: str, small: ArrayGraph, features: NDArray[np.float32]
) -> None:
    encoder = Propagation(depth=3) if name == "propagation" else encoder_of(name)
    order = np.array([4, 2, 5, 0, 3, 1])  # new document i was document order[i]
    place = np.argsort(order)
    renumbered = ArrayGraph(
        tuple(small.ids[i] for i in order),
        {
            key: ArrayRelation(place[edges.source], place[edges.target], edges.weight)
            for key, edges in small.relations.items()
        },
    )
    before = encode(encoder, small, features, RELATIONS).vectors
    after = encode(encoder, renumbered, features[order], RELATIONS).vectors
    assert np.abs(after - before[order]).max() < 1e-5
    assert np.abs(before[:5] - features[:5]).max() > 1e-2


@pytest.mark.parametrize("name", ENCODERS)
def test_swapping_two_relations_changes_the_vectors(
    name: str, small: ArrayGraph, features: NDArray[np.float32]
) -> None:
    encoder = encoder_of(name)
    swapped = ArrayGraph(
        small.ids,
        {**small.relations, "cites": small.relations["co_author"], "co_author": small.relations["cites"]},
    )
    before = encode(encoder, small, features, RELATIONS).vectors
    assert np.abs(encode(encoder, swapped, features, RELATIONS).vectors - before).max() > 1e-3


@pytest.mark.parametrize("name", ENCODERS)
def test_a_document_without_edges_keeps_its_text_and_says_so(
    name: str, small: ArrayGraph, features: NDArray[np.float32]
) -> None:
    found = encode(encoder_of(name), small, features, RELATIONS)
    assert found.has_structure.tolist() == [True] * 5 + [False]
    assert np.array_equal(found.vectors[5], features[5])
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_graph_without_any_edge_gives_the_text(name: str, features: NDArray[np.float32]) -> None:
    empty = ArrayGraph(tuple("abcdef"), {key: ArrayRelation.of([]) for key in RELATIONS})
    found = encode(encoder_of(name), empty, features, RELATIONS)
    assert np.array_equal(found.vectors, features)
    assert not found.has_structure.any()


@pytest.mark.parametrize("name", ENCODERS)
def test_blocks_of_a_few_documents_give_the_same_as_all_at_once(
    name: str, small: ArrayGraph, features: NDArray[np.float32]
) -> None:
    encoder = encoder_of(name)
    targets = np.array([4, 1])
    blocks = NeighbourSampler(small, RELATIONS).blocks(targets, 2)
    with torch.no_grad():
        few = encoder(torch.from_numpy(features[blocks[0].nodes]), blocks)
    everything = encode(encoder, small, features, RELATIONS).vectors
    assert np.abs(few.numpy() - everything[targets]).max() < 1e-5


def test_rows_that_do_not_change_keep_their_bits() -> None:
    text = torch.from_numpy(np.random.default_rng(0).normal(size=(200, 384)).astype(np.float32))
    text = torch.nn.functional.normalize(text, dim=1)
    change = torch.zeros_like(text)
    change[7] = 0.5
    result = unit(text, change)
    still = torch.arange(200) != 7
    assert torch.equal(result[still], text[still])
    assert not torch.equal(result[7], text[7])
    assert abs(float(result[7].norm()) - 1.0) < 1e-6
