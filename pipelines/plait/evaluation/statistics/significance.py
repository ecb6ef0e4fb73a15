"""How sure a difference is: bootstrap intervals, and two paired tests over queries.

Smucker, Allan and Carterette 2007, *A comparison of statistical significance tests for information retrieval
evaluation*; Sakai 2006, *Evaluating evaluation metrics based on the bootstrap*; Efron and Tibshirani 1993.

The queries are the sample. Everything is seeded: the same values, seed and number of resamples give the same result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Interval", "bootstrap_interval", "paired_bootstrap", "paired_randomisation", "resampled_rows"]

RESAMPLES = 10_000
_CELLS = 2_000_000  # most numbers drawn at a time: 16 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the ends of its confidence interval."""

    mean: float
    low: float
    high: float


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

    Example:
        >>> bootstrap_interval([.5, .5, .5])
        Interval(mean=0.5, low=0.5, high=0.5)
    """
    sample = _sample(values)
    means = np.concatenate([sample[rows].mean(axis=1) for rows in resampled_rows(len(sample), resamples, seed)])
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Interval(float(sample.mean()), float(low), float(high))


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

    Example:
        >>> paired_randomisation([1, 1, 1, 1], [0, 0, 0, 0])  # 2 of 16 swaps are as far from 0
        0.125
    """
    difference = _difference(first, second)
    n = len(difference)
    seen = abs(difference.sum())
    threshold = seen - 1e-9 * max(1.0, seen)  # the same sum in another order may differ in its last digits
    if n < 63 and 2**n <= resamples:
        swaps = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)  # (2^n, n)
        return float(np.mean(np.abs(swaps @ difference) >= threshold))
    generator = np.random.default_rng(seed)
    extreme = 0
    for size in _blocks(n, resamples):
        signs = 2.0 * generator.integers(0, 2, size=(size, n), dtype=np.int8) - 1.0  # (size, n)
        extreme += int(np.count_nonzero(np.abs(signs @ difference) >= threshold))
    return (extreme + 1) / (resamples + 1)


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

    Example:
        >>> paired_bootstrap([.1, .4, .3], [.1, .4, .3])
        1.0
    """
    difference = _difference(first, second)
    n = len(difference)
    if n < 2 or not difference.any():
        return 1.0
    seen = abs(float(_studentised(difference[None, :])[0]))
    centred = difference - difference.mean()
    extreme = 0
    for rows in resampled_rows(n, resamples, seed):
        extreme += int(np.count_nonzero(np.abs(_studentised(centred[rows])) >= seen * (1.0 - 1e-9)))
    return (extreme + 1) / (resamples + 1)


def _studentised(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Student's t of each row, shape (rows, n) -> (rows,); of a constant row 0 if it is 0 throughout, else infinity."""
    mean = samples.mean(axis=1)
    error = samples.std(axis=1, ddof=1) / np.sqrt(samples.shape[1])
    constant = error <= 1e-12 * np.abs(samples).max(axis=1)
    t = np.divide(mean, error, out=np.zeros_like(mean), where=~constant)
    return np.where(constant & (np.abs(mean) > 1e-12), np.inf, t)


def resampled_rows(n: int, count: int, seed: int, width: int = 1) -> Iterator[NDArray[np.int64]]:
    """Row numbers of resampled queries, in blocks of shape (block, n).

    Args:
        n: how many queries there are.
        count: how many resamples to draw.
        seed: of the draws.
        width: how many numbers each query has; the block is smaller where they are many.
    """
    generator = np.random.default_rng(seed)
    for size in _blocks(n * width, count):
        yield generator.integers(0, n, size=(size, n))


def _blocks(n: int, count: int) -> Sequence[int]:
    """Sizes that add up to ``count`` and keep a block within bounds."""
    size = max(1, _CELLS // n)
    return [min(size, count - start) for start in range(0, count, size)]


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
