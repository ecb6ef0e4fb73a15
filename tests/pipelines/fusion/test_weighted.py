from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.contracts import Hit, Query
from plait.fusion.ranks.weighted import Config, Normalisation, Weighted, normalise
from plait.testing.conformance import FusionConformance

SCORES = st.lists(st.floats(-50, 50, width=16), min_size=1, max_size=8).map(lambda scores: sorted(scores, reverse=True))


class TestWeightedByMinMax(FusionConformance):
    @pytest.fixture
    def fusion(self) -> Weighted:
        return Weighted(Config())


class TestWeightedByZ(FusionConformance):
    @pytest.fixture
    def fusion(self) -> Weighted:
        return Weighted(Config(normalisation="z"))


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
    fusion = Weighted(Config(normalisation=how))
    one = [Hit("a", "a", 3.0, 0), Hit("b", "b", 2.0, 1), Hit("c", "c", 0.0, 2)]
    other = [Hit("c", "c", 0.9, 2), Hit("b", "b", 0.8, 1), Hit("a", "a", 0.1, 0)]
    moved = [Hit(hit.passage_id, hit.document_id, hit.score * 40 - 7, hit.row) for hit in other]
    first = fusion.fuse(Query("?"), {"one": one, "other": other}, 3)
    second = fusion.fuse(Query("?"), {"one": one, "other": moved}, 3)
    assert [hit.passage_id for hit in first] == [hit.passage_id for hit in second] == ["b", "a", "c"]
    assert [hit.score for hit in first] == pytest.approx([hit.score for hit in second])
