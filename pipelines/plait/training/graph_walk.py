r"""What the walk along citations is worth beside text, by references that are hidden from it.

A document's title asks, its references are hidden, and the documents it cites are to be found by the pipeline's own
fusion, without the walk and with it. What the walk adds is its *gain*. It is measured by weights of the features and of
the run that were learnt from other documents, and again on graphs with the same degrees whose citations mean nothing:
how often a document is cited helps to find it there as well, and is nothing that structure should be praised for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Fusion, Hit, Query, StructureSource, TrainableStructure, WeighsRuns
from plait.contracts.errors import ConfigError
from plait.docgraph import DocumentGraph
from plait.docgraph.rewiring import rewired
from plait.docgraph.traversal import Traversal, TraversalWeights
from plait.docgraph.weighing import DEFAULT_WEIGHTS, TextScores, learn_weights, recent_citers
from plait.rag import Rag
from plait.rag.ingest import Progress
from plait.rag.retrieval import earned_weights, fuse_earned
from plait.retrievers.graph_model import WalkWeights
from plait.training.controls import Beyond, beyond

__all__ = ["QUESTIONS", "WalkReport", "learn_walk"]

_CITERS = 400  # that the weights are learnt from
_ASKING = 200  # of these, that measure them: each graph costs two lessons and 200 questions
_LEAST = 20
_AT_ONCE = 50
_PARTS = 2
_CONTROLS = 9
_WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 1000.0)
"""What the walk's run may count, from a quarter of a voice to the only one."""
QUESTIONS = 0.25
"""What it counts for questions that are no titles. References are found best by nearly the walk alone, also where that
harms what is found for questions: those of cacm ask for 8 and more, its 52 judged questions for .125 to .5 of it.
They had this number chosen; with a fifth of the citations missing, .5 was below text there."""
_CUT = 10

Figures = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WalkReport:
    """How well hidden references are found by the titles of the documents that state them, as nDCG@10.

    Args:
        documents: that asked: one fifth is measured by weights that the other four taught.
        scores: ``text``, the pipeline's fusion without the walk; ``walk`` alone; ``fused``, both; and ``questions``,
            both, with the walk counting as little as it does for questions that are no titles.
        gains: of ``fused`` and ``questions`` over ``text``, beside those on graphs of the same degrees.
        earned: what the run of the walk counts in the fusion.
        weights: of its features; None where there was too little to learn from, and ``reason`` says so.
        reason: why it is not kept; empty where it is.
    """

    documents: int
    scores: Mapping[str, float]
    gains: Mapping[str, Beyond]
    earned: WalkWeights
    weights: TraversalWeights | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "documents": self.documents,
            "nDCG@10": dict(self.scores),
            "gains": {name: gain.to_json() for name, gain in self.gains.items()},
            "earned": asdict(self.earned),
            "kept": not self.reason,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class _Measured:
    """nDCG@10 of each asking document, shape (documents,), by name; and with which weights."""

    scores: Mapping[str, Figures]
    weight: float
    learnt: bool

    def gain(self, name: str) -> Figures:
        """Over text."""
        gained: Figures = self.scores[name] - self.scores["text"]
        return gained


def learn_walk(
    rag: Rag,
    source: TrainableStructure,
    *,
    graph: DocumentGraph | None = None,
    seed: int = 0,
    told: Progress = lambda _what, _done, _all: None,
) -> WalkReport:
    """Learns what each step of the walk counts, and what its run counts beside the others.

    Both are kept if the fused list finds more hidden references with the walk than without, beyond what chance may give
    and beyond the gain on graphs of the same degrees.

    Args:
        rag: the open index; its text retrievers and its fusion are asked.
        source: the pipeline's retriever that walks.
        graph: the graph to learn from; by default that of the index.
        seed: of everything random.
        told: called with (what is being done, graphs done, graphs in all).
    """
    graph = source.graph(rag.view) if graph is None else graph
    try:
        citers = recent_citers(graph, graph.years, _CITERS, seed=seed)
    except ConfigError as error:
        return WalkReport(0, {}, {}, WalkWeights(), None, error.message)
    if len(citers) < _LEAST:
        reason = f"{len(citers)} documents have references enough, {_LEAST} are needed"
        return WalkReport(0, {}, {}, WalkWeights(), None, reason)
    asked = _Asked(rag, source, np.sort(np.random.default_rng(seed).permutation(citers)[:_ASKING]))
    found = asked.measured(graph, seed)
    controls: dict[str, list[float]] = {"fused": [], "questions": []}
    for number in range(_CONTROLS):
        told("walking shuffled graphs", number, _CONTROLS)
        other = asked.measured(rewired(graph, (seed, number)), seed)
        for name, gained in controls.items():
            gained.append(float(other.gain(name).mean()))
        if controls["fused"][-1] >= found.gain("fused").mean():
            break
    gains = {name: beyond(found.gain(name), gained) for name, gained in controls.items()}
    reasons = {name: gain.reason("nDCG@10 of the fused list") for name, gain in gains.items()}
    earned = WalkWeights(found.weight, 0.0 if reasons["questions"] else min(QUESTIONS, found.weight))
    weights = learn_weights(graph, _scores_of(rag, source), citers) if found.learnt else DEFAULT_WEIGHTS
    scores = {name: float(values.mean()) for name, values in found.scores.items()}
    return WalkReport(len(asked.citers), scores, gains, earned, weights, reasons["fused"])


def _scores_of(rag: Rag, source: TrainableStructure) -> TextScores:
    """Where walks start for the titles of documents."""
    view = rag.view

    def scores(asked: NDArray[np.int64]) -> NDArray[np.float32]:
        titles = [view.title(view.document_ids[number]) or view.document_ids[number] for number in asked.tolist()]
        return source.start_scores(titles, view)

    return scores


def _label_of(rag: Rag, source: object) -> str:
    """The label of a retriever of the pipeline."""
    return next(label for label, made in rag.parts.retrievers.items() if made is source)


class _Asked:
    """Titles that ask, and what the pipeline's text retrievers find for them: one hit a document, itself left out."""

    def __init__(self, rag: Rag, source: TrainableStructure, citers: NDArray[np.int64]) -> None:
        view = rag.view
        self.ids = view.document_ids
        self.numbers = {document_id: number for number, document_id in enumerate(self.ids)}
        self.citers = citers
        self.depth = rag.pipeline.candidates
        self.label = _label_of(rag, source)
        self.fusion: Fusion = rag.parts.fusion
        self.weights = _WEIGHTS if isinstance(self.fusion, WeighsRuns) else (1.0,)
        self.little = self.weights.index(QUESTIONS) if QUESTIONS in self.weights else 0
        self.start = _scores_of(rag, source)(citers)  # (citers, documents)
        self.start[np.arange(len(citers)), citers] = -np.inf
        self.queries = [Query(view.title(self.ids[n]) or self.ids[n]) for n in citers.tolist()]
        # What text counts, for every question alike; 0: broken, and left out.
        self.own = earned_weights(rag.parts, self.queries[0], view, besides=self.label)
        self.runs: list[dict[str, Sequence[Hit]]] = []
        self.by_text: list[list[int]] = []
        for query, citer in zip(self.queries, citers.tolist(), strict=True):
            runs: dict[str, Sequence[Hit]] = {
                label: self._documents(retriever.retrieve(query, view, self.depth + 1), citer)
                for label, retriever in rag.parts.retrievers.items()
                if not isinstance(retriever, StructureSource) and self.own.get(label, 1.0) > 0.0
            }
            self.runs.append(runs)
            self.by_text.append(self._found(fuse_earned(self.fusion, query, runs, _CUT, self.own)))

    def measured(self, graph: DocumentGraph, seed: int) -> _Measured:
        """Every document by weights that others have taught."""
        places = {number: row for row, number in enumerate(self.citers.tolist())}

        def text_scores(asked: NDArray[np.int64]) -> NDArray[np.float32]:
            return self.start[[places[number] for number in asked.tolist()]]

        count = len(self.citers)
        wanted = [_cited(graph, number) for number in self.citers.tolist()]
        text = np.array([_ndcg(found, own) for found, own in zip(self.by_text, wanted, strict=True)])
        parts = np.array_split(np.random.default_rng(seed).permutation(count), _PARTS)
        runs: list[dict[int, list[Hit]]] = [{}, {}]  # by the weights that come with Plait, and by learnt ones
        for part in parts:
            taught = learn_weights(graph, text_scores, np.delete(self.citers, part))
            hidden = Traversal(graph, without_references_of=self.citers[part])
            for first in range(0, len(part), _AT_ONCE):
                rows = part[first : first + _AT_ONCE]
                features = hidden.features(self.start[rows])  # (rows, documents, features)
                for made, weights in zip(runs, (DEFAULT_WEIGHTS, taught), strict=True):
                    for row, scores in zip(rows.tolist(), hidden.above_chance(features @ weights.vector), strict=True):
                        made[row] = self._run(scores, row)
        walks = [
            np.array([_ndcg([hit.row for hit in made[row][:_CUT]], wanted[row]) for row in range(count)])
            for made in runs
        ]
        learnt = bool(walks[1].mean() > walks[0].mean())
        fused = np.array(
            [[_ndcg(self._fused(row, runs[learnt][row], w), wanted[row]) for w in self.weights] for row in range(count)]
        )  # (documents, weights)
        judged = np.empty(count)
        for part in parts:
            judged[part] = fused[part, np.delete(fused, part, axis=0).mean(axis=0).argmax()]
        scores = {"text": text, "walk": walks[learnt], "fused": judged, "questions": fused[:, self.little]}
        return _Measured(scores, self.weights[int(fused.mean(axis=0).argmax())], learnt)

    def _run(self, scores: NDArray[np.float32], row: int) -> list[Hit]:
        """The run of the walk, as deep as the others."""
        scores = np.where(np.isfinite(self.start[row]), scores, -np.inf)
        top = np.argpartition(-scores, min(self.depth, len(scores) - 1))[: self.depth]
        top = top[np.argsort(-scores[top], kind="stable")]
        found = zip(top.tolist(), scores[top].tolist(), strict=True)
        return [Hit(self.ids[number], self.ids[number], score, number) for number, score in found if score > -np.inf]

    def _fused(self, row: int, run: Sequence[Hit], weight: float) -> list[int]:
        runs = {**self.runs[row], self.label: run}
        return self._found(fuse_earned(self.fusion, self.queries[row], runs, _CUT, {**self.own, self.label: weight}))

    def _documents(self, hits: Sequence[Hit], citer: int) -> list[Hit]:
        """The best hit of each document, named by it."""
        best: dict[int, Hit] = {}
        for hit in hits:
            number = self.numbers[hit.document_id]
            if number != citer:
                best.setdefault(number, Hit(hit.document_id, hit.document_id, hit.score, number))
        return list(best.values())

    @staticmethod
    def _found(hits: Sequence[Hit]) -> list[int]:
        return [hit.row for hit in hits]


def _cited(graph: DocumentGraph, number: int) -> set[int]:
    cites = graph.relations["cites"]
    first, last = np.searchsorted(cites.source, [number, number + 1])  # sorted by source
    return set(cites.target[first:last].tolist()) - {number}


def _ndcg(found: Sequence[int], wanted: set[int]) -> float:
    """nDCG@10 of a ranking in which ``wanted`` are the relevant documents."""
    gained = sum(1.0 / np.log2(rank + 1) for rank, number in enumerate(found, start=1) if number in wanted)
    best = sum(1.0 / np.log2(rank + 1) for rank in range(1, min(_CUT, len(wanted)) + 1))
    return float(gained / best) if wanted else 0.0
