"""Figures pooled over questions, against plain NumPy loops, scikit-free formulas and cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from plait.evaluation import bootstrap_interval
from plait.evaluation.statistics.pooled import Pooled, macro_f1, pooled_bootstrap, pooled_interval, ratio

CLASSES = ("yes", "no", "maybe")


def clustered(n: int, seed: int) -> list[tuple[float, float]]:
    """Sentences by question: how many of how many are right, with whole answers that are bad."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(0, 6, size=n)
    return [(float(generator.binomial(size, generator.choice([0.2, 0.95]))), float(size)) for size in sizes]


def f1_by_hand(given: list[str | None], gold: list[str]) -> float:
    """Macro-F1 from precision and recall, class by class."""
    scores = []
    for label in CLASSES:
        right = sum(one == other == label for one, other in zip(given, gold, strict=True))
        precision = right / max(1, sum(one == label for one in given))
        recall = right / max(1, gold.count(label))
        scores.append(2 * precision * recall / (precision + recall) if right else 0.0)
    return float(np.mean(scores))


def decisions(n: int, seed: int) -> tuple[list[str | None], list[str]]:
    """Decisions that are right about half the time, some of them none at all."""
    generator = np.random.default_rng(seed)
    gold = [str(label) for label in generator.choice(CLASSES, size=n, p=[0.55, 0.33, 0.12])]
    given: list[str | None] = [str(label) for label in generator.choice(CLASSES, size=n)]
    kept = generator.random(n)
    return [
        None if k > 0.9 else right if k > 0.5 else own for k, right, own in zip(kept, gold, given, strict=True)
    ], gold


def test_the_share_is_of_all_sentences_and_not_a_mean_of_shares() -> None:
    assert ratio([(1, 1), (0, 4)]).figure == pytest.approx(1 / 5)
    assert ratio([(0, 0), (3, 4)]).figure == pytest.approx(3 / 4)
    assert ratio([(0, 0)]).figure is None
    assert ratio([]).figure is None


def test_macro_f1_equals_precision_and_recall_worked_out_class_by_class() -> None:
    for seed in range(20):
        given, gold = decisions(80, seed)
        assert macro_f1(given, gold).figure == pytest.approx(f1_by_hand(given, gold))
    assert macro_f1([], []).figure is None


def test_always_the_majority_gets_the_f1_of_one_class_over_all() -> None:
    gold = ["yes"] * 6 + ["no"] * 3 + ["maybe"]
    assert macro_f1(["yes"] * 10, gold).figure == pytest.approx((2 * 0.6 / 1.6) / 3)


def test_the_interval_of_a_mean_is_the_bootstrap_interval() -> None:
    values = np.random.default_rng(0).beta(2, 2, size=70)
    pooled = pooled_interval(ratio([(value, 1.0) for value in values]), resamples=4_000, seed=5)
    other = bootstrap_interval(values, resamples=4_000, seed=6)
    assert pooled is not None
    assert (pooled.mean, pooled.low, pooled.high) == pytest.approx((other.mean, other.low, other.high), abs=0.004)


def test_the_interval_resamples_whole_questions() -> None:
    pairs = clustered(60, 1)
    found = pooled_interval(ratio(pairs), resamples=4_000, seed=2)
    generator = np.random.default_rng(99)
    means = []
    for _ in range(4_000):  # one resample after the other, by hand
        drawn = [pairs[row] for row in generator.integers(0, len(pairs), size=len(pairs))]
        means.append(sum(right for right, _ in drawn) / sum(size for _, size in drawn))
    low, high = np.quantile(means, [0.025, 0.975])
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)
    flat = [(float(place < right), 1.0) for right, size in pairs for place in range(int(size))]
    naive = pooled_interval(ratio(flat), resamples=4_000, seed=2)
    assert naive is not None
    assert found.high - found.low > 1.2 * (naive.high - naive.low)  # sentences of one answer stand and fall together


def test_the_interval_of_macro_f1_equals_resampling_by_hand() -> None:
    given, gold = decisions(120, 3)
    found = pooled_interval(macro_f1(given, gold), resamples=3_000, seed=1)
    generator = np.random.default_rng(7)
    values = []
    for _ in range(3_000):
        rows = generator.integers(0, len(gold), size=len(gold))
        values.append(f1_by_hand([given[row] for row in rows], [gold[row] for row in rows]))
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.012)


def test_nothing_to_measure_has_no_interval() -> None:
    assert pooled_interval(ratio([(0, 0), (0, 0)])) is None
    lonely = pooled_interval(ratio([(1, 2), *[(0, 0)] * 3]), resamples=500)  # most resamples hold it, some do not
    assert lonely is not None
    assert (lonely.mean, lonely.low, lonely.high) == (0.5, 0.5, 0.5)


def by_hand(first: list[tuple[float, float]], second: list[tuple[float, float]], resamples: int) -> float:
    """The p value of the difference of two ratios, one resample after the other."""

    def share(pairs: list[tuple[float, float]]) -> float:
        return sum(right for right, _ in pairs) / sum(size for _, size in pairs)

    seen, extreme = share(first) - share(second), 0
    generator = np.random.default_rng(123)
    for _ in range(resamples):
        rows = generator.integers(0, len(first), size=len(first))
        drawn = share([first[row] for row in rows]) - share([second[row] for row in rows])
        extreme += abs(drawn - seen) >= abs(seen)
    return (extreme + 1) / (resamples + 1)


@pytest.mark.parametrize("seed", range(3))
def test_the_p_value_of_a_ratio_is_that_of_resampling_by_hand(seed: int) -> None:
    first = clustered(40, seed)
    second = [(min(size, right + 0.2 * seed * size), size) for right, size in clustered(40, seed + 50)]
    p = pooled_bootstrap(ratio(first), ratio(second), resamples=4_000)
    assert p == pytest.approx(by_hand(first, second, 4_000), abs=0.03)


def test_systems_that_are_the_same_do_not_differ_and_clear_winners_do() -> None:
    given, gold = decisions(60, 5)
    mine = macro_f1(given, gold)
    assert pooled_bootstrap(mine, mine, resamples=300) == 1.0
    assert (p := pooled_bootstrap(macro_f1(list(gold), gold), mine, resamples=2_000)) is not None
    assert p < 0.01
    assert pooled_bootstrap(ratio([(0, 0)]), ratio([(1, 1)])) is None


@pytest.mark.parametrize("quiet", [0.0, 0.7])
def test_systems_that_are_equally_good_are_told_apart_about_as_seldom_as_it_says(quiet: float) -> None:
    # Also where one of them cites in three answers of ten only: how often somebody speaks is not how right they are.
    rejected = 0
    for seed in range(200):
        pairs = clustered(120, seed)
        silent = np.random.default_rng(seed).random(60) < quiet
        rare = [(0.0, 0.0) if still else pair for pair, still in zip(pairs[:60], silent, strict=True)]
        found = pooled_bootstrap(ratio(rare), ratio(pairs[60:]), resamples=200, seed=seed)
        rejected += found is not None and found <= 0.05
    assert rejected <= 24  # 10 expected, a few more in small samples; a test that rejects one in seven would fail


def test_counts_of_different_questions_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="one shape"):
        pooled_bootstrap(ratio([(1, 1)]), ratio([(1, 1), (0, 1)]))


def test_the_same_seed_gives_the_same_interval() -> None:
    measure = Pooled(ratio(clustered(30, 2)).counts, ratio([(1, 1)]).value)
    assert pooled_interval(measure, seed=4, resamples=300) == pooled_interval(measure, seed=4, resamples=300)
