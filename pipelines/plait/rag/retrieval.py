"""Runs the retrievers of a pipeline and fuses what they found."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plait.contracts import Hit, IndexView, Query, VectorFusion
from plait.hooks import plugin_errors
from plait.rag.parts import Parts

__all__ = ["Retrieval", "retrieve_all"]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What one question brought up in one snapshot; rows of hits are rows of ``view``.

    ``runs`` maps each retriever's label to its hits; ``fused`` is their fusion, reordered by the ranker where the
    pipeline has one. ``cpu_seconds`` maps each label, ``fusion`` and ``ranker`` to what it cost.
    """

    query: Query
    view: IndexView
    runs: Mapping[str, Sequence[Hit]]
    fused: Sequence[Hit]
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)


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
    with plugin_errors(f"fusion {parts.pipeline.fusion.name!r}"):
        # A ranker that saw only the k best could bring nothing up from below them.
        fused = parts.fusion.fuse(query, runs, k if parts.ranker is None else depth)
    spent["fusion"] = time.process_time() - start
    if parts.ranker is not None:
        start = time.process_time()
        with plugin_errors("the ranker"):
            fused = parts.ranker.rank(query, fused, view)[:k]
        spent["ranker"] = time.process_time() - start
    return Retrieval(query, view, runs, fused, spent)
