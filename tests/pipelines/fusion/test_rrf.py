"""Against the formula of Cormack, Clarke and Büttcher, worked out passage by passage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.contracts import Hit, Query
from plait.contracts.errors import ConfigError
from plait.fusion.ranks.guard import Guard
from plait.fusion.ranks.rrf import Config, ReciprocalRank
from plait.testing.conformance import FusionConformance

QUERY = Query("?")
RANKING = st.lists(st.sampled_from("abcdefgh"), unique=True)


def run(names: list[str], score: float = 9.0) -> list[Hit]:
    return [Hit(f"{name}#0", name, score - rank, "abcdefgh".index(name)) for rank, name in enumerate(names)]


class TestReciprocalRank(FusionConformance):
    @pytest.fixture
    def fusion(self) -> ReciprocalRank:
        return ReciprocalRank(Config())


@given(RANKING, RANKING, st.floats(1, 100), st.floats(0.1, 2))
def test_scores_equal_the_formula(one: list[str], other: list[str], constant: float, weight: float) -> None:
    fusion = ReciprocalRank(Config(constant=constant, weights={"other": weight}))
    hits = fusion.fuse(QUERY, {"one": run(one), "other": run(other)}, 100)
    expected = {
        name: (1 / (constant + one.index(name) + 1) if name in one else 0.0)
        + (weight / (constant + other.index(name) + 1) if name in other else 0.0)
        for name in {*one, *other}
    }
    assert {hit.document_id: hit.score for hit in hits} == pytest.approx(expected)


@given(RANKING, RANKING, st.floats(0.1, 2))
def test_shares_sum_to_the_score(one: list[str], other: list[str], weight: float) -> None:
    fusion = ReciprocalRank(Config(weights={"other": weight}))
    for hit in fusion.fuse(QUERY, {"one": run(one), "other": run(other)}, 100):
        assert sum(strand.share for strand in hit.strands) == hit.score


def test_weight_zero_leaves_a_retriever_out_but_says_what_it_found() -> None:
    runs = {"one": run(["a", "b"]), "other": run(["c", "b"])}
    hits = ReciprocalRank(Config(weights={"other": 0.0})).fuse(QUERY, runs, 10)
    assert [hit.document_id for hit in hits] == ["a", "b"]
    assert [(strand.retriever, strand.rank, strand.share > 0) for strand in hits[1].strands] == [
        ("one", 2, True),
        ("other", 2, False),
    ]


def test_the_guard_hands_on_the_leg_that_did_better() -> None:
    runs = {"one": run(["a", "b"]), "other": run(["c", "b"])}
    lost = Guard(queries=9, fused=0.5, legs={"one": 0.4, "other": 0.6})
    won = Guard(queries=9, fused=0.7, legs={"one": 0.4, "other": 0.6})
    assert [h.document_id for h in ReciprocalRank(Config(guard=lost)).fuse(QUERY, runs, 10)] == ["c", "b"]
    assert [h.document_id for h in ReciprocalRank(Config(guard=won)).fuse(QUERY, runs, 10)] == ["b", "a", "c"]


@pytest.mark.parametrize(
    "config",
    [Config(weights={"lexcal": 1.0}), Config(guard=Guard(queries=1, fused=1.0, legs={"lexcal": 0.5}))],
)
def test_a_name_that_no_retriever_has_is_an_error(config: Config) -> None:
    with pytest.raises(ConfigError, match=r"'lexcal'.*Choices: dense, lexical"):
        ReciprocalRank(config).fuse(QUERY, {"dense": [], "lexical": []}, 10)


def test_all_weights_zero_is_an_error() -> None:
    with pytest.raises(ConfigError, match="weight 0"):
        ReciprocalRank(Config(weights={"dense": 0.0})).fuse(QUERY, {"dense": run(["a"])}, 10)
