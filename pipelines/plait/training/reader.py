"""``plait train reader``: teaches the pipeline's language model to read structure, and keeps it where that helps.

The language model stays as it is. What is trained is what lets structure in: the projector that turns a document's
structural vector into soft tokens, or, for a Fusion-in-Decoder, the weights between its encoder and its decoder; see
:mod:`plait.fusion.tokens.reader_training`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from plait.contracts import EmbeddingGenerator, Query, ScoringGenerator, StructureLearner
from plait.contracts.errors import ConfigError
from plait.docgraph import DocumentGraph
from plait.fusion.tokens.answer_reader import AnswerReader
from plait.fusion.tokens.checkpoint import READER
from plait.fusion.tokens.graph_tasks import QuestionAnswer, TaskSettings, answer_tasks, make_tasks
from plait.fusion.tokens.lessons import ReaderSettings
from plait.fusion.tokens.probing import ReaderReport
from plait.fusion.tokens.reader_training import ReaderProgress, Untrained, train_reader
from plait.fusion.tokens.soft_token_reader import FrozenReader, SoftTokenReader
from plait.fusion.tokens.tasks import TaskSet
from plait.rag import Rag
from plait.rag.ingest import Progress
from plait.training import PATIENCE, check_unlocked, committing, copy_files, files_in_use
from plait.training.docgraph import docgraph_of
from plait.training.pairs import Pair, folds_of, read_pairs

__all__ = ["TrainedReader", "answer_reader", "train_reader_of"]

_PARTS = 4  # of the questions with answers, one of which is held out


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
    told: Progress = lambda _what, _done, _all: None,
    timeout: float = PATIENCE,
) -> TrainedReader:
    """Teaches the pipeline's generator from the index's own graph.

    Args:
        rag: the open index.
        seed: of everything random.
        steps: of training; by default those of :class:`~plait.fusion.tokens.lessons.ReaderSettings`.
        pairs: a JSON Lines file of questions with answers, see :func:`~plait.training.pairs.read_pairs`. A quarter of
            them is held out.
        tasks: which tasks are made of the graph.
        text_control: also teach a reader with the documents' text vectors, which tells what links add to text, and
            doubles the time.
        told: called with (what is being done, how much is done, how much there is or None).
        timeout: seconds to wait at the end while another process writes.

    Raises:
        ConfigError: the pipeline has no ``docgraph``, its generator cannot be taught from here, or the graph has
            nothing to ask about.
        IdentityError: the index was rebuilt with other parts meanwhile.
        IndexLockedError: another process writes.
        ReadError: the file of pairs is missing or broken.
    """
    source = docgraph_of(rag)
    settings = _settings(rag, steps)
    check_unlocked(rag)
    view = rag.view
    told("building the graph", 0, None)
    graph, structural = source.graph(view), source.structural(view)
    made = make_tasks(graph, tasks, seed=seed)
    if pairs is not None:
        made = _with_pairs(made, graph, _answered(rag, read_pairs(pairs)), seed)
    untrained = _untrained(rag, settings, seed)
    text = source.text_vectors(view) if text_control else None

    def shown(step: ReaderProgress) -> None:
        told(f"teaching the reader: {step.kind}", step.step, step.steps)

    def judged(done: int, total: int) -> None:
        told("asking it about held-out documents", done, total)

    report = train_reader(untrained, structural, made, settings, text=text, seed=seed, progress=shown, judging=judged)
    if not report.keep:
        return TrainedReader(report, None)
    identity = source.structure_identity(view)
    with tempfile.TemporaryDirectory(dir=rag.path, prefix=".training-") as folder, committing(rag, timeout) as writer:
        if source.structure_identity(writer.view) != identity:
            raise ConfigError(
                "the graph encoder was trained anew while the reader learnt from the old one",
                where=str(rag.path),
                fix="run the command again",
            )
        place = Path(folder) / READER
        place.mkdir()
        copy_files(files_in_use(writer.view, READER), place)  # what was taught to another kind of generator stays
        file = report.reader.save(place, identity)
        file.with_suffix(".json").write_text(json.dumps(report.to_json(), indent=2), encoding="utf-8")
        writer.keep_model(READER, place)
        commit = writer.commit(f"train {READER} (on commit {view.commit})").number
    return TrainedReader(report, commit)


def _answered(rag: Rag, pairs: Sequence[Pair]) -> list[tuple[Pair, QuestionAnswer]]:
    """The pairs with the passages that the pipeline finds for each question; those without any are left out."""
    view = rag.view
    found = []
    for pair in pairs:
        hits = rag.retrieve(Query(pair.question), min(3, rag.pipeline.answer.passages))
        passages = tuple((hit.document_id, view.title(hit.document_id), view.passage(hit.row).text) for hit in hits)
        if passages:
            found.append((pair, QuestionAnswer(pair.question, pair.answer, passages)))
    return found


def _with_pairs(
    made: TaskSet, graph: DocumentGraph, answered: Sequence[tuple[Pair, QuestionAnswer]], seed: int
) -> TaskSet:
    """With a quarter of the different questions held out."""
    folds = folds_of([pair for pair, _ in answered], _PARTS, [seed, 17])
    tasks = answer_tasks(graph, [asked for _, asked in answered])
    train, held_out = ([tasks[number] for number in np.flatnonzero(part)] for part in (folds > 0, folds == 0))
    return replace(made, train=(*made.train, *train), held_out=(*made.held_out, *held_out))


def answer_reader(rag: Rag) -> AnswerReader:
    """The pipeline's generator as one that says how likely answers are.

    Raises:
        ConfigError: it does not run in this process.
        ModelError: the model cannot be loaded.
    """
    generator = rag.parts.generator
    if isinstance(generator, StructureLearner):
        reader: AnswerReader = generator.answer_reader()
        return reader
    if isinstance(generator, ScoringGenerator):
        return FrozenReader(generator.scoring_model())
    raise _refused(rag)


def _settings(rag: Rag, steps: int | None = None) -> ReaderSettings:
    """How the pipeline's generator is taught structure.

    Raises:
        ConfigError: it cannot be taught from here, or its settings leave structure out.
    """
    generator, chosen = rag.parts.generator, {} if steps is None else {"steps": steps}
    if isinstance(generator, StructureLearner):
        if not generator.structure_file:
            raise ConfigError(
                "the generator's settings name a file of structural weights, which would be used in place of new ones",
                where=str(rag.path),
                fix=f"leave 'weights' out of use({rag.pipeline.generator.name!r}, ...)",
            )
        return ReaderSettings(**chosen)
    if not isinstance(generator, ScoringGenerator):
        raise _refused(rag)
    if not isinstance(generator, EmbeddingGenerator) or not generator.soft_tokens:
        raise ConfigError(
            "the generator takes no soft tokens",
            where=str(rag.path),
            fix="write use('transformers', soft_tokens=True) in the pipeline",
        )
    return ReaderSettings(soft_tokens=generator.soft_tokens, **chosen)


def _untrained(rag: Rag, settings: ReaderSettings, seed: int) -> Untrained:
    """Makes readers of structure, all of the pipeline's one model.

    Raises:
        ConfigError: it does not run in this process.
        ModelError: the model cannot be loaded.
    """
    generator = rag.parts.generator
    if isinstance(generator, StructureLearner):
        return lambda width: generator.untrained(width, seed)
    if isinstance(generator, ScoringGenerator):
        model = generator.scoring_model()
        return lambda width: SoftTokenReader.untrained(model, width, settings, seed)
    raise _refused(rag)


def _refused(rag: Rag) -> ConfigError:
    return ConfigError(
        f"the generator {rag.pipeline.generator.name!r} cannot be taught from here, nor teach: only a model in this "
        "process tells how likely answers are, and hands back gradients",
        where=str(rag.path),
        choices=("transformers", "fusion-in-decoder"),
        fix="train with use('transformers', soft_tokens=True); a server of the same model can use the result",
    )
