"""Means over collections against plain loops, and what each interval must do."""

from __future__ import annotations

import numpy as np
import pytest

from plait.evaluation.statistics.significance import bootstrap_interval
from plait.evaluation.statistics.stratified import mean_over_collections

CHANCE = np.random.default_rng(11)
SAMPLES = [CHANCE.normal(0.3, 0.2, 40), CHANCE.normal(0.1, 0.4, 400), CHANCE.normal(-0.2, 0.1, 12)]


def test_each_collection_weighs_the_same_however_many_queries_it_has() -> None:
    found = mean_over_collections(SAMPLES, resamples=200)
    assert found.mean == pytest.approx(sum(each.mean() for each in SAMPLES) / 3)
    assert found.mean != pytest.approx(np.concatenate(SAMPLES).mean(), abs=0.01)


def test_queries_are_resampled_within_collections() -> None:
    """Against a loop in NumPy with other draws: the ends agree as far as chance allows."""
    chance = np.random.default_rng(5)
    means = [np.mean([chance.choice(each, len(each)).mean() for each in SAMPLES]) for _ in range(4000)]
    found = mean_over_collections(SAMPLES, resamples=4000, seed=3)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.006)


def test_collections_are_resampled_where_asked() -> None:
    chance = np.random.default_rng(6)
    means = []
    for _ in range(4000):
        drawn = [SAMPLES[number] for number in chance.integers(0, 3, 3)]
        means.append(np.mean([chance.choice(each, len(each)).mean() for each in drawn]))
    found = mean_over_collections(SAMPLES, resample_collections=True, resamples=4000, seed=4)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.015)
    within = mean_over_collections(SAMPLES, resamples=4000, seed=4)
    assert found.low < within.low
    assert found.high > within.high


def test_one_collection_is_the_plain_bootstrap_up_to_its_draws() -> None:
    plain, found = bootstrap_interval(SAMPLES[1], seed=1), mean_over_collections([SAMPLES[1]], seed=1)
    assert found.mean == plain.mean
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.004)


def test_the_same_seed_gives_the_same_ends() -> None:
    first, again = (mean_over_collections(SAMPLES, seed=9, resamples=300) for _ in range(2))
    assert first == again
    assert mean_over_collections(SAMPLES, seed=10, resamples=300) != first


@pytest.mark.parametrize("wrong", [[], [[]], [[1.0], []], [[float("nan")]], [[[1.0]]]])
def test_nothing_to_average_is_an_error(wrong: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="at least one collection"):
        mean_over_collections(wrong)
