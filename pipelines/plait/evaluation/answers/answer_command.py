"""``plait evaluate --answers``: from a collection or a file of questions to judged answers."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from plait.contracts.errors import ConfigError
from plait.evaluation.answers.answer_evaluation import AnswerEvaluation, AnswerScores, against, score_answers
from plait.evaluation.answers.answer_reports import answers_to_json
from plait.evaluation.answers.asking import BATCH, EvidenceSource, ask_questions
from plait.evaluation.answers.questions import Question, collection_questions, load_questions
from plait.evaluation.reporting import check_target, environment, write_json
from plait.evaluation.retrieval.collections import Collection, load_collection
from plait.evaluation.retrieval.command import index_collection
from plait.evaluation.statistics.significance import RESAMPLES, scipy_stats

if TYPE_CHECKING:
    from plait.config import Pipeline
    from plait.hooks import PluginHost
    from plait.rag import Rag
    from plait.rag.ingest import Progress

__all__ = ["evaluate_answers"]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked, and what has to be in the index for it."""

    questions: list[Question]
    collection: Collection | None
    documents: Path | None
    described: dict[str, Any]


def evaluate_answers(
    path: str | Path,
    *,
    split: str | None = None,
    pipeline: Pipeline | str | Path | None = None,
    other: Pipeline | str | Path | None = None,
    index: str | Path | None = None,
    documents: str | Path | None = None,
    evidence: EvidenceSource = "retrieved",
    limit: int | None = None,
    json_out: str | Path | None = None,
    batch: int = BATCH,
    resamples: int = RESAMPLES,
    seed: int = 0,
    host: PluginHost | None = None,
    progress: Progress | None = None,
) -> AnswerEvaluation:
    """Asks all questions and judges the answers; with ``other`` a second pipeline too, compared on the same questions.

    Args:
        path: a folder in the BEIR layout, or a file of questions as :func:`load_questions` reads it.
        split: which judgements of a collection; by default ``test``, or the only one there is.
        pipeline: the pipeline, or the file that holds one; by default the one ``index`` was written with, else the
            built-in default.
        other: a pipeline to compare it with. It uses the same index where it would build the same one, else a temporary
            index of its own.
        index: where the index is or shall be. Without it, one is built in a temporary folder and thrown away.
        documents: folder to index for a file of questions.
        evidence: ``given`` gives each question its own documents, so that reading is measured apart from retrieval.
        limit: ask only the first questions.
        json_out: file for the JSON report.
        batch: most answers written together, where the backend can.
        resamples: of bootstrap and randomisation.
        seed: of both.
        host: the plugin host; by default one that has discovered everything installed.
        progress: called with (what, how many are done, how many there are or None).

    Raises:
        ReadError: the collection or the file is missing or broken.
        ConfigError: a pipeline is wrong, a file of questions has no documents, or a collection is given other ones.
        IndexStoreError: nothing could be indexed, or the index was built by other parts.
        GenerationError: a generator failed.
        MissingDependencyError: scipy is not installed.
        PlaitError: the output cannot be written (said before the work starts, where it can be known).
    """
    from plait.rag import open_index

    check_target(json_out)
    scipy_stats()
    asked = _questions(Path(path), split, documents, index, limit)
    how: dict[str, Any] = {"resamples": resamples, "seed": seed}
    notes: list[str] = []
    with ExitStack() as stack:

        def folder() -> Path:
            return Path(stack.enter_context(TemporaryDirectory(prefix="plait-evaluate-")))

        place = Path(index) if index is not None else folder()
        rag = stack.enter_context(open_index(place, pipeline, host=host))
        notes += _fill(rag, asked, progress)
        rags = [rag]
        if other is not None:
            rival = stack.enter_context(open_index(place, other, host=host))
            if rival.parts.identity() != rag.parts.identity():
                rival = stack.enter_context(open_index(folder(), other, host=host))
                notes += [f"the second pipeline's index: {note}" for note in _fill(rival, asked, progress)]
            rags.append(rival)
        labels = _labels(rags, (pipeline, other))
        scores = [
            _scores(label, each, asked, evidence, batch, how, progress)
            for label, each in zip(labels, rags, strict=True)
        ]
        if len(scores) > 1:
            scores[0] = against(scores[0], scores[1], **how)
        evaluation = AnswerEvaluation(
            asked.described,
            tuple(scores),
            tuple(dict.fromkeys(notes)),
            {
                "evidence": evidence,
                "limit": limit,
                "batch": batch,
                **how,
                "pipelines": {
                    label: each.pipeline.model_dump(mode="json") for label, each in zip(labels, rags, strict=True)
                },
            },
            environment(),
        )
    if json_out is not None:
        write_json(json_out, answers_to_json(evaluation))
    return evaluation


def _questions(
    path: Path, split: str | None, documents: str | Path | None, index: str | Path | None, limit: int | None
) -> _Asked:
    """Reads what is to be asked, and checks that there is something to ask it of."""
    described: dict[str, Any] = {"name": path.resolve().name, "path": str(path)}
    collection = None
    if path.is_dir() or not path.exists():
        collection = load_collection(path, split)  # says what is wrong with a path that does not exist
        questions = collection_questions(collection)
        if documents is not None:
            raise ConfigError(
                "a collection brings its own documents",
                where="--documents",
                fix="leave the option out, or name a file of questions instead of the collection",
            )
        described["split"] = collection.split
    else:
        questions = load_questions(path)
        if documents is None and index is None:
            raise ConfigError(
                "a file of questions says nothing about the documents to answer from",
                where=str(path),
                fix="name a folder to index with --documents, or an index with --index",
            )
    chosen = questions[:limit]
    described |= {"questions": len(questions), "asked": len(chosen)}
    return _Asked(chosen, collection, Path(documents) if documents is not None else None, described)


def _fill(rag: Rag, asked: _Asked, progress: Progress | None) -> list[str]:
    """Sees to it that the documents are in the index; what is not there is noted."""
    if asked.collection is not None:
        notes = index_collection(rag, asked.collection, progress)
    else:
        notes = []
        if asked.documents is not None:
            summary = rag.add(asked.documents, progress=progress)
            if summary.failures:
                notes.append(f"{len(summary.failures)} files were not indexed; the first: {summary.failures[0]}")
    lost = {name for question in asked.questions for name in question.documents} - set(rag.view.document_ids)
    if lost:
        first = ", ".join(sorted(lost)[:3])
        notes.append(f"{len(lost)} gold documents are not in the index ({first}{', ...' if len(lost) > 3 else ''})")
    return notes


def _scores(
    label: str,
    rag: Rag,
    asked: _Asked,
    evidence: EvidenceSource,
    batch: int,
    how: dict[str, Any],
    progress: Progress | None,
) -> AnswerScores:
    cpu, wall = time.process_time(), time.perf_counter()
    found = ask_questions(rag, asked.questions, evidence=evidence, batch=batch, progress=progress)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return score_answers(label, found, cpu_seconds=cpu, wall_seconds=wall, **how)


def _labels(rags: list[Rag], files: tuple[Pipeline | str | Path | None, ...]) -> list[str]:
    """Pipelines by their generator; by their file, or place, where the generators' names are the same."""
    names = [rag.pipeline.generator.name for rag in rags]
    if len(set(names)) == len(names):
        return names
    stems = [Path(file).stem if isinstance(file, str | Path) else "default" for file in files]
    if len(set(stems)) < len(names):
        return [f"{name} ({number})" for number, name in enumerate(names, start=1)]
    return [f"{name} ({stem})" for name, stem in zip(names, stems, strict=False)]
