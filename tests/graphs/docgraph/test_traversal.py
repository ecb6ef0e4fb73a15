from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.contracts import Document, Reference
from plait.contracts.errors import ConfigError
from plait.docgraph import DocumentGraph, build_graph
from plait.docgraph.traversal import FEATURES, Traversal, TraversalSettings, TraversalWeights

NAMES = list(FEATURES)


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


def feature(found: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    return found[0, :, NAMES.index(name)]


def only(name: str) -> TraversalWeights:
    return TraversalWeights({other: float(other == name) for other in NAMES}, dict.fromkeys(NAMES, 1.0))


@pytest.fixture
def graph() -> DocumentGraph:
    """0 and 1 cite 2 and 3; 4 cites 1 and 5; 6 stands alone."""
    return graph_of({0: [2, 3], 1: [2, 3], 4: [1, 5]}, 7)


TEXT = np.array([[0.9, 0.8, 0.1, 0.0, 0.0, 0.0, 0.0]], np.float32)


def test_features_equal_dense_matrix_products(graph: DocumentGraph) -> None:
    a = np.zeros((7, 7))
    for citing, cited in ((0, 2), (0, 3), (1, 2), (1, 3), (4, 1), (4, 5)):
        a[citing, cited] = 1
    settings = TraversalSettings(seeds=2, temperature=0.1, steps=50)
    found = Traversal(graph, settings).features(TEXT)
    w = np.array([1.0, np.exp(-1.0), 0, 0, 0, 0, 0])
    w /= w.sum()
    assert np.allclose(feature(found, "in_degree"), np.log1p(a.sum(0)), atol=1e-6)
    assert np.allclose(feature(found, "cited_by_hits"), np.log(1e-4 + w @ a), atol=1e-5)
    assert np.allclose(feature(found, "cites_hits"), np.log(1e-4 + w @ a.T), atol=1e-5)
    share = a.T / np.maximum(a.T.sum(1, keepdims=True), 1)
    assert np.allclose(feature(found, "co_cited"), np.log(1e-4 + w @ share @ a), atol=1e-5)
    assert np.allclose(feature(found, "citing_text"), share @ TEXT[0], atol=1e-6)
    best = [max((TEXT[0, c] for c in range(7) if a[c, d]), default=0.0) for d in range(7)]
    assert np.allclose(feature(found, "best_citing_text"), best, atol=1e-6)
    assert np.allclose(feature(found, "cited_lately"), np.log1p(0.2 * a.sum(0)), atol=1e-6)  # no year is known
    both = a + a.T
    walk = both / np.maximum(both.sum(1, keepdims=True), 1)
    exact = 0.5 * w @ np.linalg.inv(np.eye(7) - 0.5 * walk)
    assert np.allclose(feature(found, "pagerank_near"), np.log(exact + 1e-6), atol=1e-4)


def test_what_the_nearest_documents_cite_is_found_without_a_word_in_common(graph: DocumentGraph) -> None:
    scores = Traversal(graph, TraversalSettings(seeds=2)).scores(TEXT, only("cited_by_hits"))[0]
    assert set(np.argsort(-scores)[:2].tolist()) == {2, 3}


def test_a_document_left_out_is_no_seed(graph: DocumentGraph) -> None:
    text = TEXT.copy()
    text[0, [0, 1]] = -np.inf
    found = Traversal(graph, TraversalSettings(seeds=1)).features(text)
    assert feature(found, "cited_by_hits").max() == pytest.approx(np.log(1e-4))
    assert np.isfinite(found).all()


def test_no_text_at_all_still_gives_finite_features(graph: DocumentGraph) -> None:
    assert np.isfinite(Traversal(graph).features(np.full((1, 7), -np.inf, np.float32))).all()


def test_a_graph_without_citations_can_be_walked() -> None:
    found = Traversal(graph_of({}, 4)).features(np.array([[0.5, 0.1, 0.0, 0.2]], np.float32))
    assert np.isfinite(found).all()


def test_bad_input_is_refused(graph: DocumentGraph) -> None:
    with pytest.raises(ConfigError, match="3 text scores for 7 documents"):
        Traversal(graph).features(np.zeros((1, 3), np.float32))
    with pytest.raises(ConfigError, match="no weight or scale for 'text'"):
        TraversalWeights({}, {})


def test_a_citation_fades_with_the_age_of_who_made_it() -> None:
    """3 is cited by a paper of 2000, 4 by one of 2006, both by one of unknown year, which counts as the median."""
    graph = graph_of({0: [3], 1: [4], 2: [3, 4]}, 5, {0: 2000, 1: 2006, 3: 1990, 4: 1994})
    found = Traversal(graph).features(np.zeros((1, 5), np.float32))
    unknown = np.exp(-(2006 - np.median([2000, 2006, 1990, 1994])) / 3)
    expected = [0, 0, 0, np.log1p(np.exp(-2) + unknown), np.log1p(1 + unknown)]
    assert np.allclose(feature(found, "cited_lately"), expected, atol=1e-6)


def test_hidden_references_do_not_reach_the_features() -> None:
    """With the only citer's references hidden, its citations leave no trace in what is learnt from."""
    graph = graph_of({1: [0]}, 3)
    hidden = Traversal(graph, without_references_of=np.array([1]))
    found = hidden.features(np.array([[0.1, 0.9, 0.2]], np.float32))
    assert feature(found, "in_degree").max() == 0.0
    assert feature(found, "cited_by_hits").max() == pytest.approx(np.log(1e-4))


def test_above_chance_is_the_log_of_how_many_times_likelier_than_one_at_random(graph: DocumentGraph) -> None:
    walk = Traversal(graph, TraversalSettings(seeds=2))
    scores = walk.scores(np.concatenate([TEXT, TEXT + 0.1]), only("pagerank"))
    likely = np.exp(scores.astype(np.float64))
    wanted = np.log(7 * likely / likely.sum(axis=1, keepdims=True))
    assert np.allclose(walk.above_chance(scores), wanted, atol=1e-5)
    assert np.allclose(walk.above_chance(scores + 50.0), wanted, atol=1e-4), "only differences mean something"
    assert np.array_equal(walk.above_chance(np.zeros((1, 7), np.float32)), np.zeros((1, 7)))
