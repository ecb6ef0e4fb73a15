"""Trains graph encoder and vector fusion on some links, and measures them on others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import FittedFusion, TrainableFusion
from plait.contracts.errors import ConfigError
from plait.docgraph import DocumentGraph
from plait.docgraph.relations import DERIVED_FROM_ENTITIES
from plait.docgraph.rewiring import Facts, rewired
from plait.fusion.vector_layers import cross_fitted
from plait.gnn import TrainingSettings
from plait.gnn.encoder_graph import Graph, Pairs
from plait.gnn.links import LinkScores, holdout, link_scores, random_negatives
from plait.gnn.trained import Trained
from plait.gnn.training import TrainingProgress, train
from plait.rag.ingest import Progress
from plait.training.controls import Beyond, beyond

__all__ = ["EncoderReport", "train_encoder"]

_NEGATIVES = 20_000
_LEAST = 20
_CONTROLS = 5


@dataclass(frozen=True, slots=True)
class EncoderReport:
    """What was trained, and how well it finds links that it has not seen.

    Args:
        links: how many were learnt from.
        held_out: how many were measured on.
        scores: ``text``, ``structure``, with a vector fusion ``fused``; and ``shuffled`` (``shuffled, fused``): means
            of the same procedure on graphs of the same degrees.
        judged: the row that retrieval would search.
        gain: by how much the judged row's link AUC is above text's, on the same links, beside that on those graphs.
        trained: the encoder.
        fusion: the trained vector fusion, if the pipeline has one.
    """

    links: int
    held_out: int
    scores: Mapping[str, LinkScores]
    judged: str
    gain: Beyond
    trained: Trained
    fusion: FittedFusion | None = field(default=None, compare=False)

    @property
    def reason(self) -> str:
        """Why it is not kept; empty where it is better than text beyond chance, and than what random edges teach."""
        text, found = self.scores["text"], self.scores[self.judged]
        if reason := self.gain.reason("its link AUC"):
            return reason
        if found.hits_at_10 < text.hits_at_10:
            return f"its Hits@10 of {found.hits_at_10:.4f} is below that of text, {text.hits_at_10:.4f}"
        return ""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "links": self.links,
            "held_out": self.held_out,
            "scores": {n: {"auc": s.auc, "hits@10": s.hits_at_10} for n, s in self.scores.items()},
            "judged": self.judged,
            "gain": self.gain.to_json(),
            "kept": not self.reason,
            "reason": self.reason,
        }


def train_encoder(
    graph: DocumentGraph,
    text: NDArray[np.float32],
    settings: TrainingSettings,
    fusion: TrainableFusion | None,
    *,
    seed: int = 0,
    held_out: float = 0.2,
    told: Progress = lambda _what, _done, _all: None,
    state: Path | None = None,
    resume: bool = False,
) -> EncoderReport:
    """Trains on a part of the links and measures on the rest; the held-out ones are in no relation of the graph.

    Args:
        graph: the document graph.
        text: text vectors of its documents, shape (documents, dimension), of length 1.
        settings: of the encoder and its training.
        fusion: the pipeline's vector fusion, of which one is trained on top of it.
        seed: of the split, the encoder, the negatives and the control.
        held_out: share of the links to measure on.
        told: called with (what, steps done, steps in all).
        state: file to save the state of training in.
        resume: go on from that state.

    Raises:
        ConfigError: the graph has too few links, or lacks a relation.
        ModelError: training diverged.
    """
    links = len(graph.relations[settings.supervision].source) if settings.supervision in graph.relations else 0
    if links < _LEAST:
        raise ConfigError(
            f"the index has {links} links of the relation {settings.supervision!r}; to learn from some and measure on "
            f"others takes {_LEAST}",
            where="plait train docgraph",
            fix="add documents that cite each other; 'plait graph stats' says which references were not found",
        )
    # The pairs of a batch carry no messages while they are predicted: on a small graph a batch of the set size could
    # hold every link, and nothing would be left to learn from.
    settings = settings.model_copy(update={"batch": min(settings.batch, max(2, links // 4))})
    part, pairs = holdout(graph, held_out, seed, relation=settings.supervision)
    negatives = random_negatives(graph, _NEGATIVES, seed, relation=settings.supervision)

    def shown(what: str) -> Callable[[TrainingProgress], None]:
        return lambda step: told(what, step.step, step.steps)

    begun = state if resume and state is not None and state.is_file() else None
    told("training the graph encoder", 0, None)
    trained = train(
        part, text, settings, seed=seed, progress=shown("training the graph encoder"), state=state, resume_from=begun
    )
    vectors, fitted = _vectors(trained, part, text, fusion, seed)
    scores = {"text": link_scores(text, pairs, negatives)}
    scores |= {name: link_scores(table, pairs, negatives) for name, table in vectors.items()}
    dealt: tuple[Facts, ...] = ("citations",)
    if (kind := DERIVED_FROM_ENTITIES.get(settings.supervision)) is not None:
        dealt = ("citations", kind)
    judged = "structure" if fusion is None else "fused"
    gains = _shares(vectors[judged], pairs, negatives) - _shares(text, pairs, negatives)
    controls: dict[str, list[LinkScores]] = {name: [] for name in vectors}
    for number in range(_CONTROLS):
        told("training on shuffled graphs", number, _CONTROLS)
        control = rewired(part, (seed, number), dealt)
        taught = train(control, text, settings, seed=seed)
        for name, table in _vectors(taught, control, text, fusion, seed)[0].items():
            controls[name].append(link_scores(table, pairs, negatives))
        if controls[judged][-1].auc - scores["text"].auc >= gains.mean():
            break
    names = {"structure": "shuffled", "fused": "shuffled, fused"}
    scores |= {
        names[name]: LinkScores(*(float(np.mean(own)) for own in zip(*map(astuple, found), strict=True)))
        for name, found in controls.items()
    }
    gain = beyond(gains, [found.auc - scores["text"].auc for found in controls[judged]])
    learnt_from = _distinct(graph, settings) - len(pairs)
    return EncoderReport(learnt_from, len(pairs), scores, judged, gain, trained, fitted)


def _vectors(
    trained: Trained, graph: Graph, text: NDArray[np.float32], fusion: TrainableFusion | None, seed: int
) -> tuple[dict[str, NDArray[np.float32]], FittedFusion | None]:
    structure = trained.encode(graph, text)
    if fusion is None:
        return {"structure": structure.vectors}, None
    device = str(next(trained.encoder.parameters()).device)
    fitted = fusion.fit(text, cross_fitted(trained, graph, text, seed=seed), seed=seed, device=device)
    return {"structure": structure.vectors, "fused": fitted.fuse(text, structure)}, fitted


def _shares(vectors: NDArray[np.float32], pairs: Pairs, negatives: Pairs) -> NDArray[np.float64]:
    """What each link adds to the AUC: the share of negatives below it; equal ones count half."""
    links, others = (np.vecdot(vectors[ends[:, 0]], vectors[ends[:, 1]]) for ends in (pairs, negatives))
    others = np.sort(others)
    below, not_above = (np.searchsorted(others, links, side=side) for side in ("left", "right"))
    share: NDArray[np.float64] = (below + not_above) / (2.0 * len(others))
    return share


def _distinct(graph: DocumentGraph, settings: TrainingSettings) -> int:
    """Pairs of documents that are linked, each once."""
    edges = graph.relations[settings.supervision]
    pairs: Pairs = np.stack([edges.source, edges.target], axis=1)
    different = pairs[pairs[:, 0] != pairs[:, 1]]
    return len(np.unique(np.sort(different, axis=1), axis=0))
