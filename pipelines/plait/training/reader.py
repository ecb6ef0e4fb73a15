"""``plait train reader``: teaches the pipeline's language model to read structure, and keeps it where that helps.

The language model stays as it is. What is trained is what lets structure in: the projector that turns a document's
structural vector into soft tokens, or, for a Fusion-in-Decoder, the weights between its encoder and its decoder; see
:mod:`plait.fusion.tokens.reader_training`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from plait.contracts import IndexView, Query
from plait.contracts.errors import ConfigError, IndexCorruptError
from plait.fusion.tokens.reader_files import FID, PROJECTOR, READER
from plait.fusion.tokens.reader_report import ReaderReport
from plait.fusion.tokens.reader_training import ReaderProgress, train_reader
from plait.fusion.tokens.tasks import QuestionAnswer, TaskSet, TaskSettings, answer_tasks, make_tasks
from plait.rag import Rag
from plait.rag.structure import structural_identity
from plait.training.docgraph import docgraph_of
from plait.training.encoding import Told
from plait.training.pairs import Pair, read_pairs
from plait.training.teachers import reader_settings, untrained_reader

__all__ = ["TrainedReader", "train_reader_of"]

_HELD_OUT = 0.25


@dataclass(frozen=True, slots=True)
class TrainedReader:
    """What was found, and the commit that uses it; None where it was not kept."""

    report: ReaderReport
    commit: int | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**self.report.to_json(), "commit": self.commit}


def train_reader_of(
    rag: Rag,
    *,
    seed: int = 0,
    steps: int | None = None,
    pairs: Path | None = None,
    tasks: TaskSettings | None = None,
    text_control: bool = False,
    told: Told = lambda _what, _done, _all: None,
    timeout: float = 10.0,
) -> TrainedReader:
    """Teaches the pipeline's generator from the index's own graph.

    Args:
        rag: the open index.
        seed: of everything random.
        steps: of training; by default those of :class:`~plait.fusion.tokens.reader_settings.ReaderSettings`.
        pairs: a JSON Lines file of questions with answers, see :func:`~plait.training.pairs.read_pairs`. A quarter of
            them is held out.
        tasks: which tasks are made of the graph.
        text_control: also teach a reader with the documents' text vectors, which tells what links add to text, and
            doubles the time.
        told: called with (what is being done, how much is done, how much there is or None).
        timeout: seconds to wait while another process writes.

    Raises:
        ConfigError: the pipeline has no ``docgraph``, its generator cannot be taught from here, or the graph has
            nothing to ask about.
        ReadError: the file of pairs is missing or broken.
    """
    walker = docgraph_of(rag)
    settings = reader_settings(rag, steps)
    view = rag.view
    told("building the graph", 0, None)
    graph, structural = walker.graph(view), walker.structural(view)
    made = make_tasks(graph, tasks, seed=seed)
    if pairs is not None:
        made = _with_pairs(made, answer_tasks(graph, _answered(rag, read_pairs(pairs))), seed)
    untrained = untrained_reader(rag, settings, seed)
    text = walker.text_vectors(view) if text_control else None

    def shown(step: ReaderProgress) -> None:
        told(f"teaching the reader: {step.kind}", step.step, step.steps)

    def judged(done: int, total: int) -> None:
        told("asking it about held-out documents", done, total)

    report = train_reader(untrained, structural, made, settings, text=text, seed=seed, progress=shown, judging=judged)
    if not report.keep:
        return TrainedReader(report, None)
    with tempfile.TemporaryDirectory(dir=rag.path, prefix=".training-") as folder:
        place = Path(folder) / READER
        place.mkdir()
        for file in _in_use(view):  # what was taught to another kind of generator stays in use
            shutil.copyfile(file, place / file.name)
        report.reader.save(place, structural_identity(walker, view))
        (place / "measured.json").write_text(json.dumps(report.to_json(), indent=2), encoding="utf-8")
        with rag.index.writer(timeout=timeout) as writer:
            if writer.view.commit != view.commit and structural_identity(walker, writer.view) != structural_identity(
                walker, view
            ):
                raise ConfigError(
                    "the graph encoder was trained anew while the reader learnt from the old one",
                    where=str(rag.path),
                    fix="run the command again",
                )
            writer.keep_model(READER, place)
            commit = writer.commit(f"train {READER} (on commit {view.commit})").number
    return TrainedReader(report, commit)


def _in_use(view: IndexView) -> list[Path]:
    """Files of the model in use; none also where it is damaged, for training anew is how that is mended."""
    try:
        folder = view.model(READER)
    except IndexCorruptError:
        return []
    return [] if folder is None else [folder / name for name in (PROJECTOR, FID) if (folder / name).is_file()]


def _answered(rag: Rag, pairs: Sequence[Pair]) -> list[QuestionAnswer]:
    """The pairs with the passages that the pipeline finds for each question."""
    view = rag.view
    found = []
    for pair in pairs:
        hits = rag.retrieve(Query(pair.question), min(3, rag.pipeline.answer.passages))
        passages = tuple((hit.document_id, view.title(hit.document_id), view.passage(hit.row).text) for hit in hits)
        if passages:
            found.append(QuestionAnswer(pair.question, pair.answer, passages))
    return found


def _with_pairs(made: TaskSet, answers: Sequence[Any], seed: int) -> TaskSet:
    order = np.random.default_rng([seed, 17]).permutation(len(answers))
    held = round(_HELD_OUT * len(answers))
    train, held_out = ([answers[number] for number in part] for part in (order[held:], order[:held]))
    return replace(made, train=(*made.train, *train), held_out=(*made.held_out, *held_out))
