r"""Rank fusion: what each run gives to a passage becomes a sum, sums become an order, strands explain it.

``rrf`` is reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009). Only ranks count, so scores on different
scales need no normalisation:

.. math:: \mathrm{score}(d) = \sum_r \frac{w_r}{c + \mathrm{rank}_r(d)}

``weighted`` is a weighted sum of normalised scores (Fox and Shaw, TREC-2 1994; CombSUM with weights). Unlike reciprocal
ranks it keeps how far apart the scores of one run stand. Each run is normalised on its own, within one query:

- ``min-max``: from 0 (its last hit) to 1 (its first);
- ``z``: standard deviations above its mean, shifted so that its last hit has 0.

A passage that a run did not return gets 0 from it, with ``weighted`` the same as that run's last hit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from plait.config import Settings
from plait.contracts import Hit, Query, Strand
from plait.contracts.errors import ConfigError

__all__ = [
    "Normalisation",
    "ReciprocalRank",
    "ReciprocalRankConfig",
    "Weighted",
    "WeightedConfig",
    "merge",
    "normalise",
    "weights_in_force",
]

Normalisation = Literal["min-max", "z"]


class ReciprocalRankConfig(Settings):
    """Settings of ``rrf``."""

    constant: float = Field(default=60.0, gt=0.0)
    """c in the formula: how little the very first ranks stand out."""
    weights: Mapping[str, Annotated[float, Field(ge=0.0)]] = {}
    """Retriever label -> weight; 1 where none is given, 0 leaves a retriever out."""


class ReciprocalRank:
    """Reciprocal rank fusion.

    Args:
        config: the settings.

    Example:
        >>> runs = {"a": [Hit("x", "d", 9.0, 0), Hit("y", "e", 8.0, 1)], "b": [Hit("y", "e", 0.5, 1)]}
        >>> [hit.passage_id for hit in ReciprocalRank(ReciprocalRankConfig()).fuse(Query("?"), runs, k=2)]
        ['y', 'x']
    """

    def __init__(self, config: ReciprocalRankConfig) -> None:
        self.config = config

    @property
    def weights(self) -> Mapping[str, float]:
        """Those of the settings."""
        return self.config.weights

    def fuse(self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int) -> Sequence[Hit]:
        """The k passages of highest fused score.

        Raises:
            ConfigError: a weight is of a retriever that did not run, or none is above 0.
        """
        return self.fuse_weighted(query, runs, k, {})

    def fuse_weighted(
        self,
        query: Query,  # noqa: ARG002 - contract
        runs: Mapping[str, Sequence[Hit]],
        k: int,
        weights: Mapping[str, float],
    ) -> Sequence[Hit]:
        """The same, where runs have a weight; those of the settings come first.

        Raises:
            ConfigError: a weight is of a retriever that did not run, or none is above 0.
        """
        constant = self.config.constant
        shares = {label: [1.0 / (constant + rank) for rank in range(1, len(hits) + 1)] for label, hits in runs.items()}
        return merge(runs, shares, weights_in_force(runs, {**weights, **self.weights}), k)


class WeightedConfig(Settings):
    """Settings of ``weighted``."""

    weights: Mapping[str, Annotated[float, Field(ge=0.0)]] = {}
    """Retriever label -> weight; 1 where none is given, 0 leaves a retriever out."""
    normalisation: Normalisation = "min-max"
    """How the scores of a run become comparable."""


class Weighted:
    """A weighted sum of each run's normalised scores.

    Args:
        config: the settings.

    Example:
        >>> runs = {"a": [Hit("x", "d", 9.0, 0), Hit("y", "e", 1.0, 1)], "b": [Hit("y", "e", 0.5, 1)]}
        >>> hits = Weighted(WeightedConfig(weights={"b": 0.5})).fuse(Query("?"), runs, k=2)
        >>> [(hit.passage_id, hit.score) for hit in hits]
        [('x', 1.0), ('y', 0.5)]
    """

    def __init__(self, config: WeightedConfig) -> None:
        self.config = config

    @property
    def weights(self) -> Mapping[str, float]:
        """Those of the settings."""
        return self.config.weights

    def fuse(self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int) -> Sequence[Hit]:
        """The k passages of highest fused score.

        Raises:
            ConfigError: a weight is of a retriever that did not run, or none is above 0.
        """
        return self.fuse_weighted(query, runs, k, {})

    def fuse_weighted(
        self,
        query: Query,  # noqa: ARG002 - contract
        runs: Mapping[str, Sequence[Hit]],
        k: int,
        weights: Mapping[str, float],
    ) -> Sequence[Hit]:
        """The same, where runs have a weight; those of the settings come first.

        Raises:
            ConfigError: a weight is of a retriever that did not run, or none is above 0.
        """
        shares = {
            label: normalise([hit.score for hit in hits], self.config.normalisation) for label, hits in runs.items()
        }
        return merge(runs, shares, weights_in_force(runs, {**weights, **self.weights}), k)


def weights_in_force(runs: Mapping[str, Sequence[Hit]], weights: Mapping[str, float]) -> dict[str, float]:
    """The weight of every run: 1 where none is set.

    Raises:
        ConfigError: a weight is of a retriever that is not in the pipeline, or none is above 0.
    """
    for label in weights:
        if label not in runs:
            raise ConfigError(
                f"the fusion names a retriever {label!r} that this pipeline does not have",
                where="pipeline: fusion",
                choices=runs,
                fix="name one of these, or calibrate again",
            )
    found = {label: weights.get(label, 1.0) for label in runs}
    if found and not any(found.values()):
        raise ConfigError(
            "every retriever has weight 0, so nothing would be found",
            where="pipeline: fusion",
            fix="give at least one a weight above 0",
        )
    return found


def merge(
    runs: Mapping[str, Sequence[Hit]], shares: Mapping[str, Sequence[float]], weights: Mapping[str, float], k: int
) -> list[Hit]:
    """Sums the weighted shares of each passage and keeps the k highest sums.

    Args:
        runs: hits of each retriever, best first.
        shares: for each run, what each of its hits gets at weight 1.
        weights: of each run. What only runs of weight 0 found is left out.
        k: how many hits to keep.

    Returns:
        Hits whose strands hold each run's rank, raw score and weighted share, and whose score is exactly the sum of
        these shares. Equal sums keep the order in which the runs first name them.

    Example:
        >>> runs = {"a": [Hit("x", "d", 9.0, 0)], "b": [Hit("y", "e", 0.5, 1), Hit("x", "d", 0.1, 0)]}
        >>> hits = merge(runs, {"a": [1.0], "b": [0.75, 0.5]}, {"a": 1.0, "b": 1.0}, k=2)
        >>> [(hit.passage_id, hit.score) for hit in hits]
        [('x', 1.5), ('y', 0.75)]
    """
    sums: dict[str, float] = {}
    firsts: dict[str, Hit] = {}
    for label, hits in runs.items():
        if weight := weights[label]:
            for hit, share in zip(hits, shares[label], strict=True):
                sums[hit.passage_id] = sums.get(hit.passage_id, 0.0) + weight * share
                firsts.setdefault(hit.passage_id, hit)
    best = sorted(sums, key=sums.__getitem__, reverse=True)[: max(k, 0)]
    # Strands only for what is handed on: they cost more than the sums.
    strands: dict[str, list[Strand]] = {passage_id: [] for passage_id in best}
    for label, hits in runs.items():
        weight = weights[label]
        for rank, (hit, share) in enumerate(zip(hits, shares[label], strict=True), start=1):
            if hit.passage_id in strands:
                strands[hit.passage_id].append(Strand(label, rank, hit.score, weight * share))
    return [
        Hit(i, firsts[i].document_id, sums[i], firsts[i].row, tuple(strands[i]))  # i: passage id
        for i in best
    ]


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
