"""Figures that are counted over all questions together, such as a share of sentences: intervals and a paired test.

A measure of this kind is a function of sums: each question adds a row of counts, and the figure comes out of the rows'
sum. The mean (value, 1), a ratio of sentences (right, all) and macro-F1 (true, false and missed by class) all are.
Questions are resampled whole, because the sentences of one answer are not independent of each other
(Field and Welsh 2007, *Bootstrapping clustered data*).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.evaluation.statistics.significance import RESAMPLES, Interval, middle, resampled

__all__ = ["Pooled", "macro_f1", "pooled_bootstrap", "pooled_interval", "ratio"]

Sums = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pooled:
    """A measure over questions.

    Args:
        counts: what each question adds, shape (questions, counts).
        value: sums of counts, shape (..., counts), to values, shape (...); NaN where a sum holds nothing to measure.
    """

    counts: Sums
    value: Callable[[Sums], Sums]

    @property
    def figure(self) -> float | None:
        """The measure over all questions; None where there is nothing to measure."""
        if not len(self.counts):
            return None
        found = float(self.value(self.counts.sum(axis=0)))
        return found if np.isfinite(found) else None


def ratio(pairs: Sequence[tuple[float, float]]) -> Pooled:
    """Sum of the first over sum of the second; a question that has nothing to measure adds (0, 0).

    Example:
        >>> ratio([(1, 1), (0, 3), (0, 0)]).figure
        0.25
    """
    return Pooled(np.asarray(pairs, dtype=np.float64).reshape(-1, 2), _quotient)


def macro_f1(given: Sequence[str | None], gold: Sequence[str]) -> Pooled:
    """The mean F1 of the classes that ``gold`` holds; a class that is neither given nor gold in a sample counts 0.

    Args:
        given: decisions; None, and what is no class of ``gold``, is wrong.
        gold: the right decisions, as many.

    Example:
        >>> macro_f1(["yes", "yes", None], ["yes", "no", "no"]).figure
        0.3333333333333333
    """
    columns = []
    for label in sorted(set(gold)):
        mine = np.array([one == label for one in given])
        right = np.array([one == label for one in gold])
        columns += [mine & right, mine & ~right, ~mine & right]
    return Pooled(np.array(columns, dtype=np.float64).T.reshape(len(gold), len(columns)), _mean_f1)


def pooled_interval(
    measure: Pooled, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """Percentile bootstrap over questions; None where there is nothing to measure.

    Resamples that happen to hold nothing to measure are left out.
    """
    figure = measure.figure
    if figure is None:
        return None
    counts = measure.counts

    def value(rows: NDArray[np.int64]) -> Sums:
        return measure.value(counts[rows].sum(axis=1))

    return Interval(figure, *middle(resampled(value, len(counts), resamples, seed, counts.shape[1]), confidence))


def pooled_bootstrap(first: Pooled, second: Pooled, *, resamples: int = RESAMPLES, seed: int = 0) -> float | None:
    """Two-sided p value of the paired bootstrap test on the difference of two systems' pooled figures.

    Questions are resampled for both systems at once, and p is the share of resamples whose difference is at least as
    far from the one seen as that is from 0: (extreme + 1) / (resamples + 1). Resamples that leave a side with nothing
    to measure count as extreme. Swapping the systems' counts instead would not do: a system that cites twenty times as
    often as the other would be told apart by that alone, whatever the shares. Where a side has few counts, or all of
    them right, the resamples vary too little and p is too small: look at how much was counted.

    Args:
        first: of one system, over the same questions in the same order.
        second: of the other.
        resamples: how many samples to draw.
        seed: of the draws.

    Returns:
        None where a system has nothing to measure.

    Raises:
        ValueError: the shapes differ.
    """
    one, other = first.counts, second.counts
    if one.shape != other.shape:
        raise ValueError(f"paired counts need one shape, not {one.shape} and {other.shape}")
    if first.figure is None or second.figure is None:
        return None
    seen = first.figure - second.figure

    def difference(rows: NDArray[np.int64]) -> Sums:
        return first.value(one[rows].sum(axis=1)) - second.value(other[rows].sum(axis=1))

    drawn = resampled(difference, len(one), resamples, seed, 2 * one.shape[1])
    extreme = np.count_nonzero(~np.isfinite(drawn) | (np.abs(drawn - seen) >= abs(seen) - 1e-9))
    return float(extreme + 1) / (resamples + 1)


def _quotient(sums: Sums) -> Sums:
    return _divided(sums[..., 0], sums[..., 1], np.nan)


def _mean_f1(sums: Sums) -> Sums:
    true, false, missed = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]  # each (..., classes)
    if not true.shape[-1]:
        return np.full(sums.shape[:-1], np.nan)
    return np.asarray(_divided(2 * true, 2 * true + false + missed, 0.0).mean(axis=-1))


def _divided(above: Any, below: Any, otherwise: float) -> Sums:
    filled = np.full(np.shape(above), otherwise, dtype=np.float64)
    return np.asarray(np.divide(above, below, out=filled, where=np.asarray(below) > 0))
