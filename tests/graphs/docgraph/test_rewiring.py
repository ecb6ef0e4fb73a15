"""Dealt out anew, citations keep every document's degrees and lose their meaning."""

from __future__ import annotations

import numpy as np
import pytest

from plait.contracts import Document, Reference
from plait.docgraph import DocumentGraph, GraphSettings, build_graph
from plait.docgraph.rewiring import rewired, swapped

COUNT = 150


def dense(source: np.ndarray, target: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The edges as a matrix of counts."""
    made = np.zeros(shape, int)
    np.add.at(made, (source, target), 1)
    return made


@pytest.fixture
def graph() -> DocumentGraph:
    """Newer papers cite older ones of their kind, some of them often; one in twenty citations leads ahead."""
    generator = np.random.default_rng(3)
    papers = []
    for number in range(COUNT):
        older = [n for n in range(number) if n % 3 == number % 3]
        cited = {older[int(len(older) * generator.random() ** 2)] for _ in range(6)} if older else set()
        if generator.random() < 0.3 and number + 3 < COUNT:
            cited.add(number + 3)
        metadata = {
            "year": 1900 + number,
            "authors": [f"A. S{chr(97 + number % 23)}mith", f"B. O{chr(97 + number % 17)}ther"],
        }
        references = tuple(Reference(identifiers={"id": f"d{c}"}) for c in sorted(cited))
        papers.append(Document(f"d{number}", f"Paper {number}", (), metadata, references))
    return build_graph(papers, GraphSettings(relations=("cites", "cited_by", "co_citation", "co_author")))


def matrix(graph: DocumentGraph, relation: str = "cites") -> np.ndarray:
    edges = graph.relations[relation]
    return dense(edges.source, edges.target, (COUNT, COUNT))


@pytest.mark.parametrize("seed", range(5))
def test_degrees_stay_without_loops_or_doubles_and_edges_go(graph: DocumentGraph, seed: int) -> None:
    before, after = matrix(graph), matrix(rewired(graph, seed))
    assert np.array_equal(before.sum(0), after.sum(0)) and np.array_equal(before.sum(1), after.sum(1))
    assert after.max() == 1 and not np.diag(after).any()
    chance = np.outer(before.sum(1), before.sum(0)).astype(float) / before.sum()  # of a pair to be an edge
    assert (before * after).sum() < 2.5 * (before * chance).sum()


def test_as_many_citations_lead_ahead_as_before(graph: DocumentGraph) -> None:
    assert np.triu(matrix(graph)).sum() > 10
    for seed in range(3):
        assert np.triu(matrix(rewired(graph, seed))).sum() == np.triu(matrix(graph)).sum()


def test_what_is_derived_is_derived_anew_and_authors_stay(graph: DocumentGraph) -> None:
    made = rewired(graph, 0)
    cites = matrix(made)
    together = cites.T @ cites
    np.fill_diagonal(together, 0)
    weights = np.zeros((COUNT, COUNT))
    shared = made.relations["co_citation"]
    weights[shared.source, shared.target] = shared.weight
    assert np.array_equal(weights, together)
    assert np.array_equal(matrix(made, "cited_by"), cites.T)
    assert np.array_equal(matrix(made, "co_author"), matrix(graph, "co_author"))


def test_authors_are_dealt_out_where_that_is_asked_for(graph: DocumentGraph) -> None:
    made = rewired(graph, 0, ("author",))
    before, after = (g.base.entities["author"].members.toarray() for g in (graph, made))
    assert np.array_equal(before.sum(0), after.sum(0)) and np.array_equal(before.sum(1), after.sum(1))
    assert (before != after).any() and after.max() == 1
    assert np.array_equal(matrix(made), matrix(graph))


def test_pairs_that_were_taken_out_stay_out(graph: DocumentGraph) -> None:
    pairs = np.stack([graph.relations["cites"].source[:20], graph.relations["cites"].target[:20]], axis=1)
    made = matrix(rewired(graph.without(pairs), 1))
    assert not made[pairs[:, 0], pairs[:, 1]].any() and not made[pairs[:, 1], pairs[:, 0]].any()


def test_a_seed_gives_one_graph_and_another_seed_another(graph: DocumentGraph) -> None:
    assert np.array_equal(matrix(rewired(graph, (1, 2))), matrix(rewired(graph, (1, 2))))
    assert (matrix(rewired(graph, (1, 2))) != matrix(rewired(graph, (1, 3)))).any()


def test_every_graph_of_these_degrees_comes_up_about_equally_often() -> None:
    """Six documents, each cites one other and is cited by one: permutations without a fixed point."""
    source = np.arange(6)
    start = np.array([1, 2, 3, 4, 5, 0])
    found: dict[tuple[int, ...], int] = {}
    for seed in range(2000):
        made = tuple(swapped(source, start, np.random.default_rng(seed)).tolist())
        found[made] = found.get(made, 0) + 1
    assert len(found) == 265
    expected = 2000 / 265
    assert sum((count - expected) ** 2 / expected for count in found.values()) < 264 + 5 * np.sqrt(2 * 264)


def test_what_cannot_change_stays_as_it_is() -> None:
    nothing = np.zeros(0, np.int64)
    assert swapped(nothing, nothing, np.random.default_rng(0)).tolist() == []
    star = np.zeros(4, np.int64), np.arange(1, 5)
    assert sorted(swapped(*star, np.random.default_rng(0)).tolist()) == [1, 2, 3, 4]
