"""Reciprocal ranks against the formula of Cormack, Clarke and Büttcher; normalised scores against NumPy."""

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
    Weighted,
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


class TestWeightedByMinMax(FusionConformance):
    @pytest.fixture
    def fusion(self) -> Weighted:
        return Weighted(WeightedConfig())


class TestWeightedByZ(FusionConformance):
    @pytest.fixture
    def fusion(self) -> Weighted:
        return Weighted(WeightedConfig(normalisation="z"))


@given(SCORES)
def test_normalised_scores_equal_numpy(scores: list[float]) -> None:
    array = np.array(scores)
    if np.ptp(array) > 0.1:
        np.testing.assert_allclose(normalise(scores, "min-max"), (array - array.min()) / np.ptp(array))
        np.testing.assert_allclose(normalise(scores, "z"), (array - array.min()) / array.std())


@pytest.mark.parametrize("how", ["min-max", "z"])
@pytest.mark.parametrize("scores", [[], [3.0], [0.0, 0.0], [-1.0, -1.0]])
def test_runs_without_a_spread_have_no_division_by_zero(scores: list[float], how: Normalisation) -> None:
    assert normalise(scores, how) == [1.0] * len(scores)


@pytest.mark.parametrize("how", ["min-max", "z"])
def test_scale_and_offset_of_a_run_do_not_matter(how: Normalisation) -> None:
    fusion = Weighted(WeightedConfig(normalisation=how))
    one = [Hit("a", "a", 3.0, 0), Hit("b", "b", 2.0, 1), Hit("c", "c", 0.0, 2)]
    other = [Hit("c", "c", 0.9, 2), Hit("b", "b", 0.8, 1), Hit("a", "a", 0.1, 0)]
    moved = [Hit(hit.passage_id, hit.document_id, hit.score * 40 - 7, hit.row) for hit in other]
    first = fusion.fuse(Query("?"), {"one": one, "other": other}, 3)
    second = fusion.fuse(Query("?"), {"one": one, "other": moved}, 3)
    assert [hit.passage_id for hit in first] == [hit.passage_id for hit in second] == ["b", "a", "c"]
    assert [hit.score for hit in first] == pytest.approx([hit.score for hit in second])
