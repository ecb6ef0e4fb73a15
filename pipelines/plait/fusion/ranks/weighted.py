"""Weighted sums of normalised scores (Fox and Shaw, TREC-2 1994; CombSUM with weights).

Unlike reciprocal ranks this keeps how far apart the scores of one run stand. Each run is normalised on its own,
within one query:

- ``min-max``: from 0 (its last hit) to 1 (its first);
- ``z``: standard deviations above its mean, shifted so that its last hit has 0.

A passage that a run did not return gets 0 from it, the same as that run's last hit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from plait.config import Settings
from plait.contracts import Hit, Query
from plait.fusion.ranks.guard import Guard
from plait.fusion.ranks.merging import merge, weights_in_force

__all__ = ["Config", "Normalisation", "Weighted", "normalise"]

Normalisation = Literal["min-max", "z"]


class Config(Settings):
    """Settings of ``weighted``."""

    weights: Mapping[str, Annotated[float, Field(ge=0.0)]] = {}
    """Retriever label -> weight; 1 where none is given, 0 leaves a retriever out."""
    normalisation: Normalisation = "min-max"
    """How the scores of a run become comparable."""
    guard: Guard | None = None
    """What calibration measured with these weights."""


class Weighted:
    """A weighted sum of each run's normalised scores.

    Args:
        config: the settings.

    Example:
        >>> runs = {"a": [Hit("x", "d", 9.0, 0), Hit("y", "e", 1.0, 1)], "b": [Hit("y", "e", 0.5, 1)]}
        >>> hits = Weighted(Config(weights={"b": 0.5})).fuse(Query("?"), runs, k=2)
        >>> [(hit.passage_id, hit.score) for hit in hits]
        [('x', 1.0), ('y', 0.5)]
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    def fuse(self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int) -> Sequence[Hit]:  # noqa: ARG002 - contract
        """The k passages of highest fused score.

        Raises:
            ConfigError: weights or guard name a retriever that did not run.
        """
        weights = weights_in_force(runs, self.config.weights, self.config.guard)
        shares = {
            label: normalise([hit.score for hit in hits], self.config.normalisation) for label, hits in runs.items()
        }
        return merge(runs, shares, weights, k)


def normalise(scores: Sequence[float], how: Normalisation) -> list[float]:
    """Scores of one run, best first, made comparable with another run's. Where all are equal each gives 1.

    Example:
        >>> normalise([4.0, 3.0, 2.0], "min-max")
        [1.0, 0.5, 0.0]
        >>> [round(value, 3) for value in normalise([4.0, 3.0, 2.0], "z")]
        [2.449, 1.225, 0.0]
    """
    if not scores:
        return []
    low, high = min(scores), max(scores)
    if how == "z":
        mean = sum(scores) / len(scores)
        spread = (sum((score - mean) ** 2 for score in scores) / len(scores)) ** 0.5
    else:
        spread = high - low
    if high == low or spread == 0.0:
        return [1.0] * len(scores)
    return [(score - low) / spread for score in scores]
