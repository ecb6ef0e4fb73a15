"""Weights are learnt from recent documents, and find what text cannot."""

from __future__ import annotations

import numpy as np
import pytest

from plait.contracts import Document, Reference
from plait.contracts.errors import ConfigError
from plait.docgraph import DocumentGraph, build_graph
from plait.docgraph.traversal import Traversal, TraversalSettings
from plait.docgraph.weighing import DEFAULT_WEIGHTS, learn_weights, recent_citers


def graph_of(cited: dict[int, list[int]], count: int, years: dict[int, int] | None = None) -> DocumentGraph:
    return build_graph(
        Document(
            f"d{n}",
            f"Paper {n}",
            (),
            {"year": years[n]} if years and n in years else {},
            tuple(Reference(identifiers={"id": f"d{c}"}) for c in cited.get(n, ())),
        )
        for n in range(count)
    )


def test_recent_documents_are_taken_where_years_are_known() -> None:
    cited = {n: [0, 1, 2] for n in range(3, 43)}
    graph = graph_of(cited, 43, {n: 1980 + n for n in range(43)})
    chosen = recent_citers(graph, graph.years, 5, least=(3,), seed=1)
    assert len(chosen) == 5 and (graph.years[chosen] >= 1980 + 32).all()
    undated = graph_of(cited, 43)
    assert len(recent_citers(undated, undated.years, 100)) == 40


def test_where_recent_documents_are_few_those_with_fewer_references_and_older_ones_are_taken_in() -> None:
    cited = {n: [0, 1] if n % 2 else [0, 1, 2, 3, 4] for n in range(5, 45)}
    graph = graph_of(cited, 45, {n: 1980 + n for n in range(45)})
    references = np.array([len(cited.get(n, ())) for n in range(45)])
    assert (references[recent_citers(graph, graph.years, 5)] == 5).all()
    assert sorted(recent_citers(graph, graph.years, 8).tolist()) != sorted(range(37, 45))
    assert recent_citers(graph, graph.years, 12).tolist() == list(range(33, 45)), (
        "the latest of all with two references"
    )


def test_learnt_weights_find_hidden_references_that_text_cannot() -> None:
    """Documents cite their topic's classics, whose own text says nothing; text tells only who shares a topic."""
    generator = np.random.default_rng(0)
    topic = np.arange(120) % 4
    classics = {t: [n for n in range(16) if n % 4 == t] for t in range(4)}
    cited = {n: generator.permutation(classics[int(topic[n])])[:3].tolist() for n in range(16, 120)}
    graph = graph_of(cited, 120)
    vectors = np.eye(4)[topic] + 0.4 * generator.normal(size=(120, 4))
    vectors[:16] = generator.normal(size=(16, 4))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    citers = np.arange(20, 60)
    weights = learn_weights(graph, lambda rows: vectors[rows] @ vectors.T, citers, TraversalSettings(seeds=20))
    asked = np.arange(80, 110)
    unseen = Traversal(graph, TraversalSettings(seeds=20), without_references_of=asked)
    text = vectors[asked] @ vectors.T
    text[np.arange(len(asked)), asked] = -np.inf
    top = np.argsort(-unseen.scores(text, weights), axis=1)[:, :3]
    by_text = np.argsort(-text, axis=1)[:, :3]
    found = np.mean([len(set(row.tolist()) & set(cited[int(n)])) / 3 for n, row in zip(asked, top, strict=True)])
    plain = np.mean([len(set(row.tolist()) & set(cited[int(n)])) / 3 for n, row in zip(asked, by_text, strict=True)])
    assert found > plain + 0.4


def test_too_few_references_are_refused() -> None:
    graph = graph_of({0: [2, 3], 1: [3], 4: [1]}, 7)
    with pytest.raises(ConfigError, match="1 documents have 2 references"):
        recent_citers(graph, graph.years, 10)
    with pytest.raises(ConfigError, match="none of these documents has a reference"):
        learn_weights(graph, lambda rows: np.zeros((len(rows), 7), np.float32), np.array([2, 3]))


def test_the_default_weights_score_as_they_did_when_they_were_measured() -> None:
    graph = graph_of({0: [2, 3], 1: [2, 3], 4: [1, 5]}, 7, {0: 2001, 1: 2004, 2: 1990, 4: 2005})
    scores = Traversal(graph).scores(np.array([[0.9, 0.8, 0.1, 0, 0, 0, 0]], np.float32), DEFAULT_WEIGHTS)
    assert scores[0].tolist() == pytest.approx(
        [-4.994801, -3.688792, -3.269849, -3.355524, -6.627010, -5.590764, -11.787682], abs=1e-5
    )
