"""Learns how much each step of the walk along citations counts, and measures it on documents it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import IndexView, TrainableStructure
from plait.contracts.errors import ConfigError
from plait.docgraph import DocumentGraph
from plait.docgraph.traversal import Traversal, TraversalWeights
from plait.docgraph.weighing import DEFAULT_WEIGHTS, TextScores, learn_weights, recent_citers

__all__ = ["WalkReport", "learn_walk"]

_CITERS = 400
_LEAST = 20
_AT_ONCE = 50
_PARTS = 5
_ERRORS = 2.0  # standard errors, as for the graph encoder


@dataclass(frozen=True, slots=True)
class WalkReport:
    """How well hidden references are found from a document's title, as nDCG@10, by which weights.

    Args:
        documents: whose references taught the weights, and measured them in turn: one fifth is measured by weights
            that the other four taught.
        scores: ``text`` alone, ``default`` weights, ``learnt`` weights.
        weights: the learnt ones; None where there was too little to learn from, and ``reason`` says so.
        reason: why the learnt weights are not kept; empty where they are.
    """

    documents: int
    scores: Mapping[str, float]
    weights: TraversalWeights | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "documents": self.documents,
            "nDCG@10": dict(self.scores),
            "kept": not self.reason,
            "reason": self.reason,
        }


def learn_walk(source: TrainableStructure, view: IndexView, *, seed: int = 0) -> WalkReport:
    """Learns weights from recent documents with references, cross-validated in five parts.

    A document's title asks, its references are hidden, and the documents it cites are to be found. Kept are the weights
    of all of them, if on documents they had not seen such weights found no less than text, and more than those that
    come with Plait, beyond what chance may give.
    """
    graph: DocumentGraph = source.graph(view)
    try:
        citers = recent_citers(graph, graph.years, _CITERS, seed=seed)
    except ConfigError as error:
        return WalkReport(0, {}, None, error.message)
    if len(citers) < _LEAST:
        return WalkReport(0, {}, None, f"{len(citers)} recent documents have references enough, {_LEAST} are needed")

    def text_scores(asked: NDArray[np.int64]) -> NDArray[np.float32]:
        titles = [view.title(view.document_ids[number]) or view.document_ids[number] for number in asked]
        return source.start_scores(titles, view)

    ranked: dict[str, list[float]] = {"text": [], "default": [], "learnt": []}
    parts = np.array_split(np.random.default_rng(seed).permutation(citers), _PARTS)
    for part in parts:
        weights = learn_weights(graph, text_scores, np.setdiff1d(citers, part))
        for name, values in _measured(graph, np.sort(part), text_scores, weights).items():
            ranked[name] += values
    means = {name: float(np.mean(values)) for name, values in ranked.items()}
    gains = np.subtract(ranked["learnt"], ranked["default"])
    reason = ""
    if gains.mean() <= _ERRORS * gains.std(ddof=1) / np.sqrt(len(gains)):
        reason = "they find no more than the weights that come with Plait, or no more than chance may give"
    elif means["learnt"] < means["text"]:
        reason = "they find less than text alone"
    return WalkReport(len(citers), means, learn_weights(graph, text_scores, citers), reason)


def _measured(
    graph: DocumentGraph, citers: NDArray[np.int64], text_scores: TextScores, weights: TraversalWeights
) -> dict[str, list[float]]:
    """nDCG@10 of the hidden references of each document, by text, default weights and these weights."""
    walk = Traversal(graph, without_references_of=citers)
    cites = graph.relations["cites"]
    ranked: dict[str, list[float]] = {"text": [], "default": [], "learnt": []}
    for start in range(0, len(citers), _AT_ONCE):
        asked = citers[start : start + _AT_ONCE]
        text = text_scores(asked)
        text[np.arange(len(asked)), asked] = -np.inf
        found = {"text": text, "default": walk.scores(text, DEFAULT_WEIGHTS), "learnt": walk.scores(text, weights)}
        for row, document in enumerate(asked):
            wanted = np.setdiff1d(cites.target[cites.source == document], [document])
            for name, scores in found.items():
                line = scores[row].copy()
                line[document] = -np.inf
                ranked[name].append(_ndcg(line, wanted))
    return ranked


def _ndcg(scores: NDArray[np.float32], wanted: NDArray[np.int64]) -> float:
    """nDCG@10 of a ranking by score in which ``wanted`` are the relevant documents."""
    best = np.argsort(-scores, kind="stable")[:10]
    discounts = 1.0 / np.log2(np.arange(2, 12))
    gained = float(discounts[: len(best)][np.isin(best, wanted)].sum())
    return gained / float(discounts[: min(10, len(wanted))].sum()) if len(wanted) else 0.0
