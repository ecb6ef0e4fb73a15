"""Runs the retrievers of a pipeline and fuses what they found."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plait.contracts import (
    EarnsWeight,
    Fusion,
    Hit,
    IndexView,
    OwnWeight,
    Query,
    RankedVectorFusion,
    VectorFusion,
    VectorSearch,
    WeighsRuns,
    WeightedFusion,
)
from plait.hooks import plugin_errors
from plait.rag.leg_check import broken_retrievers
from plait.rag.parts import Parts

__all__ = ["Retrieval", "earned_weights", "fuse_earned", "retrieve_all"]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What one question brought up in one snapshot; rows of hits are rows of ``view``.

    ``runs`` maps each retriever's label to its hits; ``fused`` is their fusion, reordered by the ranker where the
    pipeline has one. ``cpu_seconds`` maps each label, ``fusion`` and ``ranker`` to what it cost. ``earned`` maps
    labels to what a run counted, where that was not 1 (see :func:`earned_weights`); those at 0 are in ``runs`` and had
    no say in ``fused``.
    """

    query: Query
    view: IndexView
    runs: Mapping[str, Sequence[Hit]]
    fused: Sequence[Hit]
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    earned: Mapping[str, float] = field(default_factory=dict)


def retrieve_all(parts: Parts, query: Query, view: IndexView, k: int) -> Retrieval:
    """Asks every retriever for its candidates, fuses them, and lets the ranker choose the k best of them."""
    runs: dict[str, Sequence[Hit]] = {}
    spent: dict[str, float] = {}
    depth = max(k, parts.pipeline.candidates)
    for label, retriever in parts.retrievers.items():
        start = time.process_time()
        with plugin_errors(f"retriever {label!r}"):
            runs[label] = retriever.retrieve(query, view, depth)
        spent[label] = time.process_time() - start
    start = time.process_time()
    if isinstance(parts.fusion, VectorFusion):
        with plugin_errors(f"fusion {parts.pipeline.fusion.name!r}"):
            runs = dict(parts.fusion.search(query, runs, view, depth))
    earned = earned_weights(parts, query, view)
    with plugin_errors(f"fusion {parts.pipeline.fusion.name!r}"):
        # A ranker that saw only the k best could bring nothing up from below them.
        fused = fuse_earned(parts.fusion, query, runs, k if parts.ranker is None else depth, earned)
    spent["fusion"] = time.process_time() - start
    if parts.ranker is not None:
        start = time.process_time()
        with plugin_errors("the ranker"):
            fused = parts.ranker.rank(query, fused, view)[:k]
        spent["ranker"] = time.process_time() - start
    return Retrieval(query, view, runs, fused, spent, earned)


def earned_weights(parts: Parts, query: Query, view: IndexView, besides: str = "") -> dict[str, float]:
    """What runs count for a question that do not count 1, by label; the retriever ``besides`` is not asked.

    Retrievers that must show that they help count what they have earned, broken ones 0, and those with more than one
    kind of evidence what they say. Those that the settings of the fusion give a weight to are not among them, nor is
    the only retriever of a pipeline. Where a fusion of vectors stands in for a broken retriever (see
    :mod:`plait.rag.leg_check`), its run is as broken.
    """
    earning = {label: made for label, made in parts.retrievers.items() if isinstance(made, EarnsWeight)}
    if len(parts.retrievers) == 1 or len(earning) == len(parts.retrievers):
        return {}
    fusion = parts.fusion
    broken: Mapping[str, str] = view.derived("broken retrievers", lambda: broken_retrievers(view))
    settled = fusion.weights if isinstance(fusion, WeightedFusion) else {}
    found = dict.fromkeys(broken.keys() - settled.keys(), 0.0)
    if found and isinstance(fusion, RankedVectorFusion) and isinstance(fusion, VectorSearch):
        found.update(dict.fromkeys([fusion.vector_column] if found.keys() & {*fusion.stands_in_for} else [], 0.0))
    for label, retriever in earning.items():
        if label not in settled and label != besides:
            with plugin_errors(f"retriever {label!r}"):
                found[label] = retriever.earned_weight(query, view)
    for label, made in parts.retrievers.items():
        if isinstance(made, OwnWeight) and label not in {*settled, *found}:
            with plugin_errors(f"retriever {label!r}"):
                found |= {label: weight} if (weight := made.own_weight(view)) != 1.0 else {}
    return found


def fuse_earned(
    fusion: Fusion, query: Query, runs: Mapping[str, Sequence[Hit]], k: int, earned: Mapping[str, float]
) -> Sequence[Hit]:
    """Fuses the runs that count, each as much as it has earned; those that are not named have nothing to earn."""
    counting = {label: hits for label, hits in runs.items() if earned.get(label, 1.0) > 0.0}
    weights = {label: weight for label, weight in earned.items() if label in counting and weight != 1.0}
    if weights and isinstance(fusion, WeighsRuns):
        return fusion.fuse_weighted(query, counting, k, weights)
    return fusion.fuse(query, counting, k)
