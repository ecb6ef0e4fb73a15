r"""Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).

.. math:: \mathrm{score}(d) = \sum_r \frac{w_r}{c + \mathrm{rank}_r(d)}

Only ranks count, so scores on different scales need no normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from plait.config import Settings
from plait.contracts import Hit, Query
from plait.fusion.ranks.guard import Guard
from plait.fusion.ranks.merging import merge, weights_in_force

__all__ = ["Config", "ReciprocalRank"]


class Config(Settings):
    """Settings of ``rrf``."""

    constant: float = Field(default=60.0, gt=0.0)
    """c in the formula: how little the very first ranks stand out."""
    weights: Mapping[str, Annotated[float, Field(ge=0.0)]] = {}
    """Retriever label -> weight; 1 where none is given, 0 leaves a retriever out."""
    guard: Guard | None = None
    """What calibration measured with these weights."""


class ReciprocalRank:
    """Reciprocal rank fusion.

    Args:
        config: the settings.

    Example:
        >>> runs = {"a": [Hit("x", "d", 9.0, 0), Hit("y", "e", 8.0, 1)], "b": [Hit("y", "e", 0.5, 1)]}
        >>> [hit.passage_id for hit in ReciprocalRank(Config()).fuse(Query("?"), runs, k=2)]
        ['y', 'x']
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    def fuse(self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int) -> Sequence[Hit]:  # noqa: ARG002 - contract
        """The k passages of highest fused score.

        Raises:
            ConfigError: weights or guard name a retriever that did not run.
        """
        weights = weights_in_force(runs, self.config.weights, self.config.guard)
        constant = self.config.constant
        shares = {label: [1.0 / (constant + rank) for rank in range(1, len(hits) + 1)] for label, hits in runs.items()}
        return merge(runs, shares, weights, k)
