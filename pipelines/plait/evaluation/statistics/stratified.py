"""Means over several collections, each of which weighs the same however many queries it has.

Two questions have two intervals. *On these collections, would other queries give the same mean?* Queries are resampled
within each collection (a stratified bootstrap, Davison and Hinkley 1997, section 3.2). *Would other collections?*
Collections are resampled too, and then queries within those that were drawn (a two-stage bootstrap, section 3.8); with
a handful of collections that interval is wide, and honest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plait.evaluation.statistics.significance import RESAMPLES, Interval, middle, resampled

__all__ = ["mean_over_collections"]


def mean_over_collections(
    collections: Sequence[ArrayLike],
    *,
    resample_collections: bool = False,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The mean of the collections' means, with the ends of its bootstrap interval.

    Args:
        collections: one value per query of each collection, shapes (n_1,), (n_2,) ..., such as differences.
        resample_collections: draw collections as well as queries.
        confidence: share of the resampled means inside the interval.
        resamples: how many samples to draw.
        seed: of the draws.

    Raises:
        ValueError: there is no collection, one has no values, or a value is not finite.
        MissingDependencyError: scipy is not installed.

    Example:
        >>> mean_over_collections([[1.0, 1.0, 1.0, 1.0], [0.0]])
        Interval(mean=0.5, low=0.5, high=0.5)
    """
    samples = [np.asarray(values, dtype=np.float64) for values in collections]
    if not samples or any(each.ndim != 1 or not each.size or not np.isfinite(each).all() for each in samples):
        raise ValueError("needs at least one collection, each a vector of at least one finite value")
    drawn = np.stack(
        [
            resampled(_mean_of(each), len(each), resamples, int(stream.generate_state(1)[0]))
            for each, stream in zip(samples, np.random.SeedSequence(seed).spawn(len(samples)), strict=True)
        ]
    )  # (collections, resamples)
    if resample_collections:
        drawn = _redrawn(drawn, np.random.default_rng([seed, len(samples)]))
    return Interval(float(np.mean([each.mean() for each in samples])), *middle(drawn.mean(axis=0), confidence))


def _mean_of(values: NDArray[np.float64]) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    return lambda rows: values[rows].mean(axis=1)


def _redrawn(means: NDArray[np.float64], chance: np.random.Generator) -> NDArray[np.float64]:
    """For each resample as many collections drawn with replacement; one drawn twice has other queries each time."""
    count, resamples = means.shape
    picked = chance.integers(0, count, (count, resamples))
    found = np.empty_like(means)
    for place in range(count):
        order = chance.permutation(resamples)  # another resample of the same collection, independent of its others
        found[place] = means[picked[place], order]
    return found
