"""Reciprocal ranks against the formula of Cormack, Clarke and Büttcher; sums of scores against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.contracts import Hit, Query
from plait.contracts.errors import ConfigError
from plait.fusion.ranks import (
    Normalisation,
    ReciprocalRank,
    ReciprocalRankConfig,
    ScoreFusion,
    ScoresConfig,
    WeightedConfig,
    normalise,
)
from plait.testing.conformance import FusionConformance

QUERY = Query("?")
RANKING = st.lists(st.sampled_from("abcdefgh"), unique=True)
SCORES = st.lists(st.floats(-50, 50, width=16), min_size=1, max_size=8).map(lambda scores: sorted(scores, reverse=True))


def run(names: list[str], score: float = 9.0) -> list[Hit]:
    return [Hit(f"{name}#0", name, score - rank, "abcdefgh".index(name)) for rank, name in enumerate(names)]


class TestReciprocalRank(FusionConformance):
    @pytest.fixture
    def fusion(self) -> ReciprocalRank:
        return ReciprocalRank(ReciprocalRankConfig())


@given(RANKING, RANKING, st.floats(1, 100), st.floats(0.1, 2))
def test_scores_equal_the_formula(one: list[str], other: list[str], constant: float, weight: float) -> None:
    fusion = ReciprocalRank(ReciprocalRankConfig(constant=constant, weights={"other": weight}))
    hits = fusion.fuse(QUERY, {"one": run(one), "other": run(other)}, 100)
    expected = {
        name: (1 / (constant + one.index(name) + 1) if name in one else 0.0)
        + (weight / (constant + other.index(name) + 1) if name in other else 0.0)
        for name in {*one, *other}
    }
    assert {hit.document_id: hit.score for hit in hits} == pytest.approx(expected)


@given(RANKING, RANKING, st.floats(0.1, 2))
def test_shares_sum_to_the_score(one: list[str], other: list[str], weight: float) -> None:
    fusion = ReciprocalRank(ReciprocalRankConfig(weights={"other": weight}))
    for hit in fusion.fuse(QUERY, {"one": run(one), "other": run(other)}, 100):
        assert sum(strand.share for strand in hit.strands) == hit.score


def test_weight_zero_leaves_a_retriever_out_but_says_what_it_found() -> None:
    runs = {"one": run(["a", "b"]), "other": run(["c", "b"])}
    hits = ReciprocalRank(ReciprocalRankConfig(weights={"other": 0.0})).fuse(QUERY, runs, 10)
    assert [hit.document_id for hit in hits] == ["a", "b"]
    assert [(strand.retriever, strand.rank, strand.share > 0) for strand in hits[1].strands] == [
        ("one", 2, True),
        ("other", 2, False),
    ]


def test_a_name_that_no_retriever_has_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"'lexcal'.*Choices: dense, lexical"):
        ReciprocalRank(ReciprocalRankConfig(weights={"lexcal": 1.0})).fuse(QUERY, {"dense": [], "lexical": []}, 10)


def test_all_weights_zero_is_an_error() -> None:
    with pytest.raises(ConfigError, match="weight 0"):
        ReciprocalRank(ReciprocalRankConfig(weights={"dense": 0.0})).fuse(QUERY, {"dense": run(["a"])}, 10)


class TestScores(FusionConformance):
    @pytest.fixture
    def fusion(self) -> ScoreFusion:
        return ScoreFusion(ScoresConfig())


class TestScoresByMinMax(FusionConformance):
    @pytest.fixture
    def fusion(self) -> ScoreFusion:
        return ScoreFusion(WeightedConfig())


class TestScoresByZ(FusionConformance):
    @pytest.fixture
    def fusion(self) -> ScoreFusion:
        return ScoreFusion(ScoresConfig(normalisation="z", document_share=0.3))


SCORED = st.dictionaries(st.sampled_from([(d, n) for d in "abcd" for n in range(3)]), st.floats(0.1, 20), max_size=9)


@given(SCORED, SCORED, st.floats(0.1, 3), st.floats(0, 1))
def test_sums_equal_the_formula(
    one: dict[tuple[str, int], float], other: dict[tuple[str, int], float], weight: float, share: float
) -> None:
    """Matrices over all twelve passages: 0 where a run has none."""
    names = [(d, n) for d in "abcd" for n in range(3)]
    runs = {
        label: [Hit(f"{d}#{n}", d, score, names.index((d, n))) for (d, n), score in sorted(found.items(), key=_best)]
        for label, found in {"one": one, "other": other}.items()
    }
    hits = ScoreFusion(ScoresConfig(weights={"other": weight}, document_share=share)).fuse(QUERY, runs, 100)
    scores = np.array([[found.get(name, 0.0) for name in names] for found in (one, other)])  # (runs, passages)
    scores /= np.maximum(scores.max(axis=1, keepdims=True), 1e-9)
    by_document = np.repeat(scores.reshape(2, 4, 3).max(axis=2), 3, axis=1)  # (runs, passages)
    if not (one and other):
        by_document = scores  # one run alone keeps its order
    expected = np.array([1.0, weight]) @ ((1 - share) * scores + share * by_document)
    assert {hit.row for hit in hits} == {names.index(name) for name in {**one, **other}}
    np.testing.assert_allclose([hit.score for hit in hits], expected[[hit.row for hit in hits]])
    for hit in hits:
        assert sum(strand.share for strand in hit.strands) == hit.score


def _best(item: tuple[tuple[str, int], float]) -> tuple[float, tuple[str, int]]:
    return -item[1], item[0]


def test_passages_of_one_document_speak_for_each_other() -> None:
    """Each run finds another passage of the same document; neither finds the other's."""
    one = [Hit("x#0", "x", 1.0, 0), Hit("a#0", "a", 0.9, 1)]
    other = [Hit("y#0", "y", 8.0, 2), Hit("a#1", "a", 7.0, 3)]
    hits = ScoreFusion(ScoresConfig()).fuse(QUERY, {"one": one, "other": other}, 4)
    assert [hit.passage_id for hit in hits][:2] == ["a#0", "a#1"]
    assert [(s.retriever, s.rank, s.of_document) for s in hits[0].strands] == [("one", 2, False), ("other", 2, True)]
    apart = ScoreFusion(ScoresConfig(document_share=0.0)).fuse(QUERY, {"one": one, "other": other}, 4)
    assert [hit.passage_id for hit in apart] == ["x#0", "y#0", "a#0", "a#1"]


def test_scores_below_zero_give_nothing_and_distances_turned_round_are_compared_by_their_spread() -> None:
    assert normalise([0.5, -0.25], "max") == [1.0, 0.0]
    assert normalise([-1.0, -2.0, -5.0], "max") == [1.0, 0.75, 0.0]


@given(SCORES)
def test_normalised_scores_equal_numpy(scores: list[float]) -> None:
    array = np.array(scores)
    if np.ptp(array) > 0.1:
        np.testing.assert_allclose(normalise(scores, "min-max"), (array - array.min()) / np.ptp(array))
        np.testing.assert_allclose(normalise(scores, "z"), (array - array.min()) / array.std())


@pytest.mark.parametrize("how", ["max", "min-max", "z"])
@pytest.mark.parametrize("scores", [[], [3.0], [0.0, 0.0], [-1.0, -1.0]])
def test_runs_without_a_spread_have_no_division_by_zero(scores: list[float], how: Normalisation) -> None:
    assert normalise(scores, how) == [1.0] * len(scores)


@pytest.mark.parametrize("how", ["min-max", "z"])
def test_scale_and_offset_of_a_run_do_not_matter(how: Normalisation) -> None:
    fusion = ScoreFusion(WeightedConfig(normalisation=how))
    one = [Hit("a", "a", 3.0, 0), Hit("b", "b", 2.0, 1), Hit("c", "c", 0.0, 2)]
    other = [Hit("c", "c", 0.9, 2), Hit("b", "b", 0.8, 1), Hit("a", "a", 0.1, 0)]
    moved = [Hit(hit.passage_id, hit.document_id, hit.score * 40 - 7, hit.row) for hit in other]
    first = fusion.fuse(Query("?"), {"one": one, "other": other}, 3)
    second = fusion.fuse(Query("?"), {"one": one, "other": moved}, 3)
    assert [hit.passage_id for hit in first] == [hit.passage_id for hit in second] == ["b", "a", "c"]
    assert [hit.score for hit in first] == pytest.approx([hit.score for hit in second])
