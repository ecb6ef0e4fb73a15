"""``plait train gate``: how the cosines of this index's embedder are to be read, learnt without labels.

Sentences of the index stand in for questions. Each is asked of the index, and the passage it stands in is taken out of
what was found, so that nothing answers with the sentence itself. What the gate makes of these cases is its own affair
(:class:`plait.contracts.TrainableGate`).
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plait.contracts import Evidence, IndexView, Query, TrainableGate
from plait.contracts.errors import ConfigError, QueryError
from plait.hooks import plugin_errors
from plait.rag import Rag
from plait.rag.ingest import Progress
from plait.text.content import content_words
from plait.text.passages import analysed, as_evidence
from plait.training import PATIENCE, check_unlocked, committing

__all__ = ["TrainedGate", "train_gate"]

QUESTIONS = 200
"""Sentences that are asked."""
LEAST = 20
"""Fewer tell nothing."""
MIN_WORDS = 5
"""Content words that make a sentence say something."""


@dataclass(frozen=True, slots=True)
class TrainedGate:
    """What was learnt, and the commit it is in use from; None where it was not kept."""

    report: Mapping[str, Any]
    commit: int | None
    cpu_seconds: float

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**self.report, "commit": self.commit, "cpu_seconds": self.cpu_seconds}


def train_gate(
    rag: Rag,
    *,
    questions: int = QUESTIONS,
    seed: int = 0,
    timeout: float = PATIENCE,
    told: Progress = lambda _what, _done, _all: None,
) -> TrainedGate:
    """Calibrates the pipeline's gate on its index.

    Args:
        rag: an index with its pipeline.
        questions: sentences that are asked.
        seed: which sentences.
        timeout: seconds to wait for another writer at the end.
        told: called with (what is being done, how much is done, how much there is or None).

    Raises:
        ConfigError: the pipeline's gate learns nothing, or the index is too small.
        MissingDependencyError: the gate needs a package that is not installed.
        IndexLockedError: another process keeps writing.
    """
    gate = rag.parts.gate
    if not isinstance(gate, TrainableGate):
        raise ConfigError(
            f"the gate {rag.pipeline.gate.name!r} learns nothing",
            where="pipeline: gate",
            choices=["similarity"],
            fix="use a gate that can be trained",
        )
    check_unlocked(rag)
    start, view = time.process_time(), rag.view
    cases: list[tuple[Query, list[Evidence]]] = []
    for query, evidence in _cases(rag, view, random.Random(seed)):  # noqa: S311 - a sample, nothing secret
        told("asking sentences", len(cases), questions)
        cases.append((query, evidence))
        if len(cases) == questions:
            break
    if len(cases) < LEAST:
        raise ConfigError(
            f"only {len(cases)} sentences of this index can stand in for questions, at least {LEAST} are needed",
            where=str(rag.path),
            fix="add more documents, or set the gate's threshold in the pipeline",
        )
    told("comparing", 0, None)
    with tempfile.TemporaryDirectory(dir=rag.path, prefix=".training-") as folder:
        place = Path(folder) / gate.model
        place.mkdir()
        with plugin_errors(f"gate {rag.pipeline.gate.name!r}"):
            report = gate.learn(cases, place)
        json.dumps(report, allow_nan=False)
        if not any(place.iterdir()):
            return TrainedGate(report, None, time.process_time() - start)
        with committing(rag, timeout) as writer:
            writer.keep_model(gate.model, place)
            commit = writer.commit(f"train {gate.model} (on commit {view.commit})").number
    return TrainedGate(report, commit, time.process_time() - start)


def _cases(rag: Rag, view: IndexView, chance: random.Random) -> Iterator[tuple[Query, list[Evidence]]]:
    """Sentences in a random order of their passages, one a passage, each with what else the index finds for it."""
    most = rag.pipeline.answer.passages
    for row in chance.sample(range(len(view)), len(view)):
        (passage,) = analysed(view, [view.passage(row)], rag.host.hook.steering)
        telling = [
            statement.text
            for statement in passage.statements
            if statement.kind == "sentence" and not statement.steers and len(content_words(statement.text)) >= MIN_WORDS
        ]
        if not telling:
            continue
        try:
            query = Query(chance.choice(telling))
        except QueryError:
            continue
        hits = [hit for hit in rag.retrieve(query, most + 1) if hit.row != row][:most]
        if hits:
            yield query, as_evidence(hits, view, rag.host.hook.steering)
