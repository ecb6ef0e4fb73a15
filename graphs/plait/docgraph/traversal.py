r"""Ranking by traversal: from the documents whose text matches a query, along citations, to those that answer it.

For a query, the documents nearest by text are seeds with weights

.. math:: w_j \propto e^{(s_j - s_{max}) / T}, \qquad \sum_j w_j = 1

and every document gets some numbers that say how it is reached from them (:data:`FEATURES`). The score is their
weighted sum; the weights are a conditional logit (McFadden 1974) learnt from citations of the graph itself: the
references of some recent documents are hidden and predicted from their text, see :mod:`plait.docgraph.weighing`.

Haveliwala 2002, *Topic-sensitive PageRank*; Small 1973, *Co-citation in the scientific literature*; Kessler 1963,
*Bibliographic coupling between scientific papers*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from plait.config import Settings, require
from plait.contracts.errors import ConfigError
from plait.docgraph.graph import DocumentGraph
from plait.docgraph.relations import Relation

__all__ = ["FEATURES", "Traversal", "TraversalSettings", "TraversalWeights"]

FEATURES = {
    "text": "the text score itself",
    "in_degree": "log(1 + how often the document is cited)",
    "cited_by_hits": "log of the seeds' weight that cites it: what the nearest documents cite",
    "cited_by_nearest": "the same from the ten nearest seeds alone",
    "cites_hits": "log of the seeds' weight that it cites",
    "co_cited": "log of what those who cite the seeds cite as well",
    "coupled": "log of what those cite who cite what the seeds cite",
    "neighbours": "log of the seeds' weight among its neighbours in the other relations",
    "pagerank": "log of personalised PageRank from the seeds, citations taken both ways, restart .15",
    "pagerank_near": "the same with restart .5, which stays closer to the seeds",
    "citing_text": "mean text score of the documents that cite it",
    "best_citing_text": "the best text score among them; of a document that nobody cites, the lowest of all",
    "cited_lately": "log(1 + citations it received, each fading with the age of the citing document)",
}
"""What a document is scored by, and what it says."""

_SMALLEST = 1e-4  # stands for "not reached" under a logarithm: a hundredth of a seed's share where 100 share evenly
_SMALLEST_RANK = 1e-6  # the same for PageRank, which reaches much further and much thinner
_NEAREST = 10  # seeds of cited_by_nearest
_FADE = 3.0  # years in which a citation loses a factor e; chosen on training links of aan_dev
_UNDATED = 0.2  # what a citation counts where no year is known; where they are, the mean is .18 (cacm), .28 (aan_dev)


class TraversalSettings(Settings):
    """How the graph is walked."""

    seeds: int = Field(default=100, ge=1)
    """How many of the nearest documents by text are walked from."""
    temperature: float = Field(default=0.1, gt=0.0)
    """T in the formula: text scores this far apart differ by a factor e in weight."""
    steps: int = Field(default=6, ge=1)
    """Steps of PageRank's power iteration."""
    neighbours: tuple[str, ...] = ("co_author",)
    """Relations, beside citations, whose neighbours of the seeds are looked at; those the graph lacks are passed."""


@dataclass(frozen=True, slots=True)
class TraversalWeights:
    """What each feature counts, after its typical size is divided out.

    Args:
        weights: feature -> weight of one standard deviation.
        scales: feature -> that standard deviation.
    """

    weights: Mapping[str, float]
    scales: Mapping[str, float]

    def __post_init__(self) -> None:
        for name in FEATURES:
            if name not in self.weights or name not in self.scales:
                raise ConfigError(f"no weight or scale for {name!r}", where="graph traversal", choices=FEATURES)

    @property
    def vector(self) -> NDArray[np.float32]:
        """What a raw feature is multiplied by, shape (features,)."""
        return np.array([self.weights[name] / self.scales[name] for name in FEATURES], dtype=np.float32)


class Traversal:
    """A graph made ready to be walked from many queries.

    A query costs some sparse products over all citations: 20,000 documents with 83,000 citations take about 5 ms.

    Args:
        graph: the graph; needs the relation ``cites``.
        settings: how it is walked.
        without_references_of: documents whose references count as unknown (for learning weights).

    Raises:
        ConfigError: the graph has no relation ``cites``.
        MissingDependencyError: scipy is not installed.
    """

    def __init__(
        self,
        graph: DocumentGraph,
        settings: TraversalSettings | None = None,
        *,
        without_references_of: NDArray[np.int64] | None = None,
    ) -> None:
        self._sparse: Any = require("scipy.sparse", "plait[graph]", needed_by="graph traversal")
        self.settings = settings or TraversalSettings()
        if "cites" not in graph.relations:
            raise ConfigError("the graph has no relation 'cites' to walk along", where="graph traversal")
        self.documents = len(graph.ids)
        cites = self._matrix(graph.relations["cites"], binary=True)
        if without_references_of is not None:
            keep = np.ones(self.documents, np.float32)
            keep[without_references_of] = 0.0
            cites = (self._sparse.diags_array(keep) @ cites).tocsr()
            cites.eliminate_zeros()
        self._cites = cites
        self._cited = cites.T.tocsr()
        both = self._rows_to_one((cites + self._cited).tocsr())
        self._walk = both.T.tocsr()
        self._share_of_citers = self._rows_to_one(self._cited)
        self._share_of_references = self._rows_to_one(cites)
        self._in_degree = np.log1p(np.asarray(cites.sum(axis=0), dtype=np.float32).ravel())
        self._lately = np.log1p(cites.T @ _faded(graph.years))
        cited_by = cites.tocsc()  # citing documents side by side for each cited one
        self._citing = cited_by.indices
        self._receivers = np.flatnonzero(np.diff(cited_by.indptr))
        self._first_citing = cited_by.indptr[self._receivers]
        others = [self._matrix(graph.relations[name]) for name in self.settings.neighbours if name in graph.relations]
        self._others = [self._rows_to_one(matrix) for matrix in others if matrix.nnz]

    def features(self, text: ArrayLike) -> NDArray[np.float32]:
        """How every document is reached from the seeds of each query.

        Args:
            text: text score of every document, such as cosines, shape (queries, documents); -inf leaves a document
                out as a seed. Where only some are known, the others get the lowest of these.

        Returns:
            Shape (queries, documents, features), features in the order of :data:`FEATURES`.
        """
        scores = np.atleast_2d(np.asarray(text, dtype=np.float32))
        if scores.shape[1] != self.documents:
            raise ConfigError(
                f"there are {scores.shape[1]} text scores for {self.documents} documents", where="graph traversal"
            )
        seeds = self._seeds(scores, self.settings.seeds)
        nearest = self._seeds(scores, min(_NEAREST, self.settings.seeds))
        citing = (seeds @ self._share_of_citers).tocsr()
        finite = np.isfinite(scores)
        floor = np.where(finite, scores, np.inf).min(axis=1, keepdims=True)
        known = np.where(finite, scores, np.where(np.isfinite(floor), floor, 0.0))
        found = np.empty((*scores.shape, len(FEATURES)), np.float32)
        found[..., 0] = known
        found[..., 1] = self._in_degree
        found[..., 2] = self._log(seeds @ self._cites)
        found[..., 3] = self._log(nearest @ self._cites)
        found[..., 4] = self._log(seeds @ self._cited)
        found[..., 5] = self._log(citing @ self._cites)
        found[..., 6] = self._log(seeds @ self._share_of_references @ self._share_of_citers @ self._share_of_references)
        around = sum(
            (seeds @ matrix for matrix in self._others), start=self._sparse.csr_array(scores.shape, dtype="f4")
        )
        found[..., 7] = self._log(around)
        start = seeds.toarray()
        for place, restart in ((8, 0.15), (9, 0.5)):
            rank = start
            for _ in range(self.settings.steps):
                rank = restart * start + (1.0 - restart) * (self._walk @ rank.T).T
            found[..., place] = np.log(rank + _SMALLEST_RANK)
        found[..., 10] = (self._share_of_citers @ known.T).T
        found[..., 11] = known.min(axis=1, keepdims=True, initial=np.inf)
        if len(self._receivers):
            for row, line in enumerate(known):
                found[row, self._receivers, 11] = np.maximum.reduceat(line[self._citing], self._first_citing)
        found[..., 12] = self._lately
        return found

    def scores(self, text: ArrayLike, weights: TraversalWeights) -> NDArray[np.float32]:
        """Scores of all documents, shape (queries, documents): higher is better, only differences mean something."""
        result: NDArray[np.float32] = self.features(text) @ weights.vector
        return result

    @staticmethod
    def above_chance(scores: NDArray[np.float32]) -> NDArray[np.float32]:
        r"""Scores with a zero that means something: how much likelier a document is than one drawn at random.

        .. math:: \log \left( N \, e^{s_d} / \sum_{d'} e^{s_{d'}} \right)

        By the conditional logit that is the logarithm of N times the probability of document d, one of N.

        Args:
            scores: as :meth:`scores` gives them, shape (..., documents).
        """
        highest = scores.max(axis=-1, keepdims=True)
        mean = np.exp(scores - highest).mean(axis=-1, keepdims=True)
        above: NDArray[np.float32] = scores - highest - np.log(mean)
        return above

    def _seeds(self, scores: NDArray[np.float32], count: int) -> Any:
        """Weights of the nearest documents of each query, csr of shape (queries, documents)."""
        count = min(count, scores.shape[1])
        columns = np.sort(np.argpartition(-scores, count - 1, axis=1)[:, :count], axis=1)
        top = np.take_along_axis(scores, columns, axis=1)
        finite = np.isfinite(top)
        highest = np.where(finite, top, -np.inf).max(axis=1, keepdims=True, initial=-1e30)
        weights = np.where(finite, np.exp((top - highest) / self.settings.temperature), 0.0)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-30)
        rows = np.repeat(np.arange(len(scores)), count)
        made = self._sparse.csr_array((weights.ravel().astype("f4"), (rows, columns.ravel())), shape=scores.shape)
        made.eliminate_zeros()
        return made

    def _matrix(self, edges: Relation, *, binary: bool = False) -> Any:
        values = np.ones(len(edges.source), np.float32) if binary else edges.weight.astype(np.float32)
        shape = (self.documents, self.documents)
        matrix = self._sparse.csr_array((values, (edges.source, edges.target)), shape=shape)
        matrix.sum_duplicates()
        if binary:
            matrix.data[:] = 1.0
        return matrix

    def _rows_to_one(self, matrix: Any) -> Any:
        total = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
        inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        return (self._sparse.diags_array(inverse) @ matrix).tocsr()

    @staticmethod
    def _log(matrix: Any) -> NDArray[np.float32]:
        logarithms: NDArray[np.float32] = np.log(_SMALLEST + matrix.toarray()).astype(np.float32)
        return logarithms


def _faded(years: NDArray[np.float64]) -> NDArray[np.float32]:
    """What a citation by each document counts: 1 by the newest, less by older ones."""
    known = np.isfinite(years)
    if not known.any():
        return np.full(len(years), _UNDATED, np.float32)
    age = np.max(years[known]) - np.where(known, years, np.median(years[known]))
    faded: NDArray[np.float32] = np.exp(-age / _FADE).astype(np.float32)
    return faded
