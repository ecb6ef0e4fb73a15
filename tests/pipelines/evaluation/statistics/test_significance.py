"""Intervals and paired tests against scipy and cases worked out by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from plait.contracts.errors import MissingDependencyError
from plait.evaluation import bootstrap_interval, paired_bootstrap, paired_randomisation
from plait.evaluation.statistics.significance import holm

PairedTest = Callable[..., float]


def sample(n: int, seed: int, shift: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two paired systems on n queries, the first better by about ``shift``."""
    generator = np.random.default_rng(seed)
    base = generator.beta(2, 2, size=n)
    return np.clip(base + generator.normal(shift, 0.1, size=n), 0, 1), base


def test_the_interval_equals_scipys_percentile_bootstrap() -> None:
    values, _ = sample(120, 1)
    mine = bootstrap_interval(values, resamples=20_000, seed=3)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(4))
    assert mine.mean == pytest.approx(values.mean())
    assert mine.low == pytest.approx(theirs.confidence_interval.low, abs=0.002)
    assert mine.high == pytest.approx(theirs.confidence_interval.high, abs=0.002)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(11)
    inside = 0
    for seed in range(300):
        interval = bootstrap_interval(generator.exponential(1.0, size=60), resamples=800, seed=seed)
        inside += interval.low <= 1.0 <= interval.high
    # A binomial with p = .95 stays above .90 in 99.9 % of such trials; skew costs the bootstrap a little.
    assert 0.89 <= inside / 300 <= 0.985


def test_a_wider_confidence_gives_a_wider_interval() -> None:
    values, _ = sample(50, 2)
    narrow, wide = bootstrap_interval(values, confidence=0.5), bootstrap_interval(values, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_one_query_gives_an_interval_of_one_point() -> None:
    interval = bootstrap_interval([0.25])
    assert (interval.low, interval.mean, interval.high) == (0.25, 0.25, 0.25)


def test_the_same_seed_gives_the_same_result_and_another_seed_another() -> None:
    first, second = sample(40, 5, 0.02)
    assert bootstrap_interval(first, seed=1) == bootstrap_interval(first, seed=1)
    assert bootstrap_interval(first, seed=1) != bootstrap_interval(first, seed=2)
    for test in (paired_randomisation, paired_bootstrap):
        assert test(first, second, seed=1) == test(first, second, seed=1)
        assert len({test(first, second, seed=seed) for seed in range(5)}) > 1


def test_few_queries_are_swapped_in_every_way() -> None:
    # Differences .1, .2, .3: of the 8 sign patterns only +++ and --- reach |sum| = .6.
    assert paired_randomisation([0.1, 0.2, 0.3], [0, 0, 0]) == pytest.approx(2 / 8)
    # Differences .3, .2, -.1: |sum| >= .4 for +++, ++-, --+ and ---.
    assert paired_randomisation([0.3, 0.2, 0.0], [0, 0, 0.1]) == pytest.approx(4 / 8)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.2])
def test_all_swaps_equal_scipys_exact_permutation_test(shift: float) -> None:
    first, second = sample(11, 8, shift)
    theirs = stats.permutation_test(
        (first, second), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", n_resamples=np.inf
    )
    assert paired_randomisation(first, second) == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("shift", [0.0, 0.012, 0.02])
def test_drawn_swaps_and_the_bootstrap_come_near_the_t_test_on_many_queries(shift: float) -> None:
    first, second = sample(300, 21, shift)
    expected = stats.ttest_rel(first, second).pvalue
    assert paired_randomisation(first, second, resamples=20_000) == pytest.approx(expected, abs=0.02)
    assert paired_bootstrap(first, second, resamples=20_000) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("test", [paired_randomisation, paired_bootstrap])
def test_a_system_does_not_differ_from_itself(test: PairedTest) -> None:
    values, _ = sample(80, 9)
    assert test(values, values) == 1.0


@pytest.mark.parametrize("test", [paired_randomisation, paired_bootstrap])
def test_neither_test_cares_which_system_comes_first(test: PairedTest) -> None:
    first, second = sample(25, 13, 0.03)
    assert test(first, second) == pytest.approx(test(second, first), abs=0.02)


@pytest.mark.parametrize("test", [paired_randomisation, paired_bootstrap])
def test_equal_systems_are_called_different_about_one_time_in_twenty(test: PairedTest) -> None:
    called = sum(test(*sample(40, seed), resamples=400) < 0.05 for seed in range(1000, 1400))
    assert 0.02 <= called / 400 <= 0.09


def test_a_clear_difference_reaches_the_smallest_p_value() -> None:
    first, second = np.full(100, 0.9), np.full(100, 0.1)
    assert paired_randomisation(first, second, resamples=999) == pytest.approx(1 / 1000)
    assert paired_bootstrap(first, second, resamples=999) == pytest.approx(1 / 1000)


def test_one_query_proves_nothing() -> None:
    assert paired_randomisation([1.0], [0.0]) == 1.0
    assert paired_bootstrap([1.0], [0.0]) == 1.0


def test_many_queries_are_resampled_in_bounded_blocks() -> None:
    first, second = sample(30_000, 17, 0.001)  # 200 resamples of 30,000 do not fit one block
    interval = bootstrap_interval(first, resamples=200)
    assert interval.low < first.mean() < interval.high
    assert 0 < paired_randomisation(first, second, resamples=200) <= 1


@pytest.mark.parametrize("values", [[], [np.nan], [[0.1, 0.2]]])
def test_values_that_cannot_be_resampled_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one finite value"):
        bootstrap_interval(values)


@pytest.mark.parametrize("test", [paired_randomisation, paired_bootstrap])
def test_systems_on_different_queries_are_refused(test: PairedTest) -> None:
    with pytest.raises(ValueError, match="paired values need one shape"):
        test([0.1, 0.2], [0.1])


def test_without_scipy_the_pip_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'plait\[evaluation\]'"):
        bootstrap_interval([0.1, 0.2])


def test_holm_rejects_what_the_step_down_procedure_rejects() -> None:
    """Against the procedure as published: stop at the first p above alpha / (hypotheses left)."""
    chance = np.random.default_rng(2)
    for size in (1, 2, 5, 8):
        p_values = chance.beta(0.3, 2.0, size).tolist()
        corrected = holm(p_values)
        for alpha in (0.01, 0.05, 0.2):
            rejected: set[int] = set()
            for place, number in enumerate(np.argsort(p_values).tolist()):
                if p_values[number] > alpha / (size - place):
                    break
                rejected.add(number)
            assert {number for number, value in enumerate(corrected) if value <= alpha} == rejected
        assert all(value >= p for value, p in zip(corrected, p_values, strict=True))
    assert holm([0.2]) == [0.2]
    assert holm([0.9, 0.8, 0.7]) == [1.0, 1.0, 1.0]
    assert holm([]) == []
