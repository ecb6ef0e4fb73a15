"""How sure a difference is: bootstrap intervals, and two paired tests over queries, by scipy.

Smucker, Allan and Carterette 2007, *A comparison of statistical significance tests for information retrieval
evaluation*; Sakai 2006, *Evaluating evaluation metrics based on the bootstrap*; Efron and Tibshirani 1993.

The queries are the sample. Everything is seeded: the same values, seed and number of resamples give the same result.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plait.contracts.errors import MissingDependencyError

__all__ = [
    "RESAMPLES",
    "Comparison",
    "Interval",
    "bootstrap_interval",
    "compare",
    "holm",
    "middle",
    "paired_bootstrap",
    "paired_randomisation",
    "resampled",
    "scipy_stats",
]

RESAMPLES = 10_000
_CELLS = 2_000_000  # most numbers drawn at a time: 16 MB
_FAR = 1e300  # |t| of a constant that is not 0; with infinity scipy would compare NaN
_TIE = 9  # decimals at which sums of the same numbers in another order are equal


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the ends of its confidence interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One system against another on the same queries: difference, and two paired tests' p values.

    ``p_randomisation`` is None for figures that are no mean over the same queries: there values cannot be swapped.
    """

    baseline: str
    difference: float
    p_randomisation: float | None
    p_bootstrap: float

    @property
    def p(self) -> float:
        """The p value to show: of the randomisation test where it applies."""
        return self.p_bootstrap if self.p_randomisation is None else self.p_randomisation


def bootstrap_interval(
    values: ArrayLike, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Percentile bootstrap of the mean: resample the queries with replacement, take the middle ``confidence``.

    Args:
        values: one value per query, shape (n,), n >= 1.
        confidence: share of the resampled means inside the interval.
        resamples: how many samples to draw.
        seed: of the random draws.

    Raises:
        ValueError: there are no values, or one is not finite.
        MissingDependencyError: scipy is not installed.

    Example:
        >>> bootstrap_interval([.5, .5, .5])
        Interval(mean=0.5, low=0.5, high=0.5)
    """
    sample = _sample(values)
    means = resampled(lambda rows: sample[rows].mean(axis=1), len(sample), resamples, seed)
    return Interval(float(sample.mean()), *middle(means, confidence))


def paired_randomisation(first: ArrayLike, second: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Two-sided p value of Fisher's paired randomisation test on the mean difference.

    If the systems were the same, each query's two values could as well be swapped: the p value is the share of all
    2^n swaps whose mean difference is at least as far from 0 as the one seen. All of them are tried where they are
    no more than ``resamples``; else ``resamples`` are drawn, and p = (extreme + 1) / (resamples + 1).

    Args:
        first: one value per query, shape (n,).
        second: the other system's values on the same queries in the same order, shape (n,).
        resamples: how many swaps to draw.
        seed: of the random draws.

    Raises:
        ValueError: the shapes differ, there are no values, or one is not finite.
        MissingDependencyError: scipy is not installed.

    Example:
        >>> paired_randomisation([1, 1, 1, 1], [0, 0, 0, 0])  # 2 of 16 swaps are as far from 0
        0.125
    """
    difference = _difference(first, second)
    if len(difference) == 1:
        return 1.0

    def distance(values: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        return np.asarray(np.round(np.abs(values.sum(axis=axis)), _TIE))

    # Of one sample, scipy flips the signs: that swaps the two systems. A distance from 0 makes the test two-sided.
    found = scipy_stats().permutation_test(
        (difference,),
        distance,
        permutation_type="samples",
        alternative="greater",
        **_how(4 * len(difference), resamples),
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def paired_bootstrap(first: ArrayLike, second: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Two-sided p value of the paired bootstrap test on the mean difference (Sakai 2006, algorithm 1).

    The differences are shifted to mean 0, resampled with replacement, and the share of resamples whose
    t = mean / (s / sqrt(n)) is at least as far from 0 as the one seen is the p value: (extreme + 1) / (resamples + 1).

    Args:
        first: one value per query, shape (n,).
        second: the other system's values on the same queries in the same order, shape (n,).
        resamples: how many samples to draw.
        seed: of the random draws.

    Raises:
        ValueError: the shapes differ, there are no values, or one is not finite.
        MissingDependencyError: scipy is not installed.

    Example:
        >>> paired_bootstrap([.1, .4, .3], [.1, .4, .3])
        1.0
    """
    difference = _difference(first, second)
    if len(difference) < 2 or not difference.any():
        return 1.0
    centred, generator = difference - difference.mean(), np.random.default_rng(seed)

    def draw(size: tuple[int, ...]) -> NDArray[np.float64]:
        return np.asarray(centred[generator.integers(0, len(centred), size=size)])

    found = scipy_stats().monte_carlo_test(
        difference, draw, _distance, alternative="greater", **_how(len(difference), resamples)
    )
    return float(found.pvalue)


def compare(
    baseline: str, first: Sequence[float], second: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 0
) -> Comparison:
    """The difference of two means over the same queries, with both tests.

    Args:
        baseline: name of the second system.
        first: one value per query.
        second: the baseline's on the same queries in the same order.
        resamples: of both tests.
        seed: of both.

    Example:
        >>> compare("bm25", [1, 1, 1, 1], [0, 0, 0, 0], resamples=999)
        Comparison(baseline='bm25', difference=1.0, p_randomisation=0.125, p_bootstrap=0.001)
    """
    difference = (sum(first) - sum(second)) / len(first)
    randomised = paired_randomisation(first, second, resamples=resamples, seed=seed)
    return Comparison(baseline, difference, randomised, paired_bootstrap(first, second, resamples=resamples, seed=seed))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p values for having asked several times; they keep their order (Holm 1979, step-down Bonferroni).

    Whoever calls those at most alpha significant is wrong about one or more with probability alpha, whatever hangs
    together among them.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    so_far = 0.0
    for place, number in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        so_far = max(so_far, min(1.0, (len(p_values) - place) * p_values[number]))
        corrected[number] = so_far
    return corrected


def resampled(
    value: Callable[[NDArray[np.int64]], NDArray[np.float64]], n: int, resamples: int, seed: int, width: int = 1
) -> NDArray[np.float64]:
    """What comes of each bootstrap sample, shape (resamples,).

    Args:
        value: takes the rows of queries that were drawn, shape (samples, n), and gives a number a sample.
        n: how many queries there are.
        resamples: how many samples to draw.
        seed: of the draws.
        width: how many numbers ``value`` holds for each row; fewer samples are drawn at a time where they are many.
    """
    if n == 1:  # scipy resamples two and more
        return value(np.zeros((resamples, 1), dtype=np.int64))
    stats = scipy_stats()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # about its own interval, see ``middle``
        drawn = stats.bootstrap(
            (np.arange(n),),
            lambda rows, axis: value(rows.astype(np.int64)),  # noqa: ARG005 - the axis is the last
            method="percentile",
            rng=np.random.default_rng(seed),
            **_how(n * width, resamples),
        )
    return np.asarray(drawn.bootstrap_distribution)


def middle(values: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """The ends of the middle ``confidence`` of resampled values; NaN, where there was nothing to measure, is left out.

    scipy's own interval is NaN as soon as one of them is.
    """
    tail = (1.0 - confidence) / 2.0
    low, high = np.nanquantile(values, [tail, 1.0 - tail])
    return float(low), float(high)


def _how(cells: int, resamples: int) -> dict[str, Any]:
    """How many samples scipy draws, and how many at a time, each of ``cells`` numbers."""
    return {"n_resamples": resamples, "batch": max(1, _CELLS // cells), "vectorized": True}


def scipy_stats() -> Any:
    """``scipy.stats``, imported when first used: it takes most of a second.

    Raises:
        MissingDependencyError: scipy is not installed; whoever is about to work for hours asks before.
    """
    try:
        from scipy import stats
    except ImportError as error:
        raise MissingDependencyError(
            "statistics need the package scipy", fix="pip install 'plait[evaluation]'"
        ) from error
    return stats


def _distance(samples: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """|t| of samples along an axis; of a constant one 0 if it is 0 throughout, else ``_FAR``."""
    mean = samples.mean(axis=axis)
    error = samples.std(axis=axis, ddof=1) / np.sqrt(samples.shape[axis])
    constant = error <= 1e-12 * np.abs(samples).max(axis=axis)
    t = np.divide(mean, error, out=np.zeros_like(mean), where=~constant)
    return np.asarray(np.where(constant & (np.abs(mean) > 1e-12), _FAR, np.abs(t)))


def _sample(values: ArrayLike) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or not len(sample) or not np.isfinite(sample).all():
        raise ValueError(f"needs a vector of at least one finite value, not shape {sample.shape}")
    return sample


def _difference(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    one, other = _sample(first), _sample(second)
    if one.shape != other.shape:
        raise ValueError(f"paired values need one shape, not {one.shape} and {other.shape}")
    return one - other
