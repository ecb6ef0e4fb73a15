r"""Fusion of runs: what each run gives to a passage becomes a sum, sums become an order, strands explain it.

``scores`` sums scores made comparable (CombSUM; Fox and Shaw, TREC-2 1994): each is divided by the highest of its run,
which keeps how far apart a run's scores stand. Sums of scores lose less than sums of ranks where one run knows and
another guesses (Bruch, Gai and Ingber, ACM TOIS 2023, arXiv:2210.11934). A passage is also given a share of what each
run gives to the best passage of its document, as passages of one document speak for each other (Bendersky and Kurland,
ECIR 2008):

.. math:: \mathrm{score}(p) = \sum_r w_r \left[(1 - \lambda) x_r(p) + \lambda \max_{p' \in d(p)} x_r(p')\right]

``rrf`` is reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009). Only ranks count:

.. math:: \mathrm{score}(p) = \sum_r \frac{w_r}{c + \mathrm{rank}_r(p)}

``weighted`` is ``scores`` with other settings, from releases before it: ``min-max``, and no share of the document.
A passage that a run did not return gets nothing from it itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
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
    "ScoreFusion",
    "ScoresConfig",
    "WeightedConfig",
    "merge",
    "normalise",
    "weights_in_force",
]

Normalisation = Literal["max", "min-max", "z"]


class ReciprocalRankConfig(Settings):
    """Settings of ``rrf``."""

    constant: float = Field(default=60.0, gt=0.0)
    """c in the formula: how little the very first ranks stand out."""
    weights: Mapping[str, Annotated[float, Field(ge=0.0)]] = {}
    """Retriever label -> weight; 1 where none is given, 0 leaves a retriever out."""


class _RunFusion(ABC):
    """Sums what each run gives to a passage; how much that is says the fusion."""

    config: ReciprocalRankConfig | ScoresConfig
    _document_share = 0.0

    @abstractmethod
    def _shares(self, hits: Sequence[Hit]) -> list[float]:
        """What each hit of a run gets at weight 1."""

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
        shares = {label: self._shares(hits) for label, hits in runs.items()}
        return merge(runs, shares, weights_in_force(runs, {**weights, **self.weights}), k, self._document_share)


class ReciprocalRank(_RunFusion):
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
        self._constant = config.constant

    def _shares(self, hits: Sequence[Hit]) -> list[float]:
        return [1.0 / (self._constant + rank) for rank in range(1, len(hits) + 1)]


class ScoresConfig(Settings):
    """Settings of ``scores``."""

    weights: Mapping[str, Annotated[float, Field(ge=0.0)]] = {}
    """Retriever label -> weight; 1 where none is given, 0 leaves a retriever out."""
    normalisation: Normalisation = "max"
    """How the scores of a run become comparable: ``max`` divides them by the highest; ``min-max`` puts the last at 0
    and the first at 1; ``z`` counts standard deviations above the last."""
    document_share: float = Field(default=0.67, ge=0.0, le=1.0)
    """λ in the formula: how much of what a run gives to a passage is for the best passage of its document."""


class WeightedConfig(ScoresConfig):
    """Settings of ``weighted``."""

    normalisation: Normalisation = "min-max"
    """How the scores of a run become comparable."""
    document_share: float = Field(default=0.0, ge=0.0, le=1.0)
    """How much of what a run gives to a passage is for the best passage of its document."""


class ScoreFusion(_RunFusion):
    """A weighted sum of each run's comparable scores.

    Args:
        config: the settings.

    Example:
        >>> runs = {"a": [Hit("x", "d", 9.0, 0), Hit("y", "e", 3.6, 1)], "b": [Hit("y", "e", 0.5, 1)]}
        >>> hits = ScoreFusion(ScoresConfig(weights={"b": 0.5})).fuse(Query("?"), runs, k=2)
        >>> [(hit.passage_id, hit.score) for hit in hits]
        [('x', 1.0), ('y', 0.9)]
    """

    def __init__(self, config: ScoresConfig) -> None:
        self.config = config
        self._normalisation = config.normalisation
        self._document_share = config.document_share

    def _shares(self, hits: Sequence[Hit]) -> list[float]:
        return normalise([hit.score for hit in hits], self._normalisation)


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
    runs: Mapping[str, Sequence[Hit]],
    shares: Mapping[str, Sequence[float]],
    weights: Mapping[str, float],
    k: int,
    document_share: float = 0.0,
) -> list[Hit]:
    """Sums the weighted shares of each passage and keeps the k highest sums.

    Args:
        runs: hits of each retriever, best first.
        shares: for each run, what each of its hits gets at weight 1.
        weights: of each run. What only runs of weight 0 found is left out.
        k: how many hits to keep.
        document_share: between 0 and 1: how much of what a run gives to a passage is for the best passage of its
            document. Where only one run found anything its order stays as it is.

    Returns:
        Hits whose strands hold each run's rank, raw score and weighted share, and whose score is exactly the sum of
        these shares. A run that found other passages of the document only has a strand with the best of them, marked
        ``of_document``. Equal sums keep the order in which the runs first name them.

    Example:
        >>> runs = {"a": [Hit("x", "d", 9.0, 0)], "b": [Hit("y", "e", 0.5, 1), Hit("x", "d", 0.1, 0)]}
        >>> hits = merge(runs, {"a": [1.0], "b": [0.75, 0.5]}, {"a": 1.0, "b": 1.0}, k=2)
        >>> [(hit.passage_id, hit.score) for hit in hits]
        [('x', 1.5), ('y', 0.75)]
    """
    counting = [label for label, hits in runs.items() if hits and weights[label]]
    lent = document_share if len(counting) > 1 else 0.0
    firsts: dict[str, Hit] = {}
    places = {label: {hit.passage_id: place for place, hit in enumerate(hits)} for label, hits in runs.items()}
    bests: dict[str, dict[str, int]] = {}  # label -> document -> place of its best passage
    for label in counting:
        best_of = bests[label] = {}
        for place, hit in enumerate(runs[label]):
            firsts.setdefault(hit.passage_id, hit)
            best_of.setdefault(hit.document_id, place)

    def gave(label: str, hit: Hit) -> tuple[int, float]:
        """Where a run has a passage, else the best one of its document, and what it gives; -1 where it has neither."""
        place, best = places[label].get(hit.passage_id, -1), bests[label].get(hit.document_id, -1)
        if place >= 0:
            return place, weights[label] * ((1.0 - lent) * shares[label][place] + lent * shares[label][best])
        return (best, weights[label] * lent * shares[label][best]) if lent and best >= 0 else (-1, 0.0)

    sums = {name: sum([gave(label, hit)[1] for label in counting]) for name, hit in firsts.items()}
    fused = []
    for name in sorted(sums, key=sums.__getitem__, reverse=True)[: max(k, 0)]:
        hit, strands = firsts[name], []
        for label, hits in runs.items():
            place, share = gave(label, hit) if label in bests else (places[label].get(name, -1), 0.0)
            if place >= 0:
                strands.append(Strand(label, place + 1, hits[place].score, share, hits[place].passage_id != name))
        fused.append(Hit(name, hit.document_id, sums[name], hit.row, tuple(strands)))
    return fused


def normalise(scores: Sequence[float], how: Normalisation) -> list[float]:
    """Scores of one run, best first, made comparable with another run's.

    With ``max`` scores below 0 give nothing; where none is above 0, as with distances turned round, it is ``min-max``.
    Where all are equal each gives 1.

    Example:
        >>> normalise([4.0, 3.0, 2.0], "max")
        [1.0, 0.75, 0.5]
        >>> normalise([4.0, 3.0, 2.0], "min-max")
        [1.0, 0.5, 0.0]
        >>> [round(value, 3) for value in normalise([4.0, 3.0, 2.0], "z")]
        [2.449, 1.225, 0.0]
    """
    if not scores:
        return []
    low, high = min(scores), max(scores)
    if how == "max" and high > 0.0:
        return [max(score, 0.0) / high for score in scores]
    if how == "z":
        mean = sum(scores) / len(scores)
        spread = (sum((score - mean) ** 2 for score in scores) / len(scores)) ** 0.5
    else:
        spread = high - low
    if high == low or spread == 0.0:
        return [1.0] * len(scores)
    return [(score - low) / spread for score in scores]
