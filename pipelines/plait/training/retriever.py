"""``plait train retriever``: distils a dense retriever from what helps the pipeline's reader with known answers.

See :mod:`plait.fusion.tokens.distillation` for the objective. The reader says how likely each answer is given each of
the passages that the retriever finds for its question; a linear residual on the question's vector learns to find those
that help (:mod:`plait.retrievers.query_adapter`). Passages are not encoded again.

Questions are few, so none is set aside for good: they are cut into folds, each is judged by an adapter that learnt
from the other folds, and what is kept has learnt from all.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import IndexView, RankedVectorFusion, VectorSearch
from plait.contracts.errors import ConfigError
from plait.evaluation.retrieval.measures import check_measures, per_query
from plait.fusion.tokens.distillation import Adapter, DistillationSettings, Gold, distil
from plait.rag import Rag
from plait.rag.ingest import Progress
from plait.retrievers.query_adapter import MODEL, QueryAdapter
from plait.training import PATIENCE, check_unlocked, committing, copy_files, files_in_use
from plait.training.pairs import Pair, folds_of, read_pairs, same_questions
from plait.training.reader import answer_reader
from plait.training.retriever_report import FoundPassages, RetrieverReport, decide, row_of

__all__ = ["TrainedRetriever", "searched_column", "train_retriever"]

_CANDIDATES = 10
_FOLDS = 5
_LEAST = 20
_DEPTH = 100
_BLOCK = 64
_MEASURES = ("nDCG@10",)
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TrainedRetriever:
    """What was found, and the commit that uses it; None where it was not kept."""

    report: RetrieverReport
    commit: int | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**self.report.to_json(), "commit": self.commit}


def train_retriever(
    rag: Rag,
    pairs: Path,
    *,
    retriever: str | None = None,
    seed: int = 0,
    settings: DistillationSettings | None = None,
    told: Progress = lambda _what, _done, _all: None,
    timeout: float = PATIENCE,
) -> TrainedRetriever:
    """Distils one of the pipeline's dense retrievers from its generator.

    Args:
        rag: the open index.
        pairs: a JSON Lines file of questions with answers, see :func:`~plait.training.pairs.read_pairs`. Where they
            name documents, nDCG@10 is measured as well, and must not get worse.
        retriever: label of the retriever; by default the first that is dense.
        seed: of folds, batches and control.
        settings: of the distillation.
        told: called with (what is being done, how much is done, how much there is or None).
        timeout: seconds to wait at the end while another process writes.

    Raises:
        ConfigError: the pipeline has no such retriever, or no generator that can teach; there are too few pairs or
            passages, or no document that the pairs name is in the index.
        IdentityError: the index was rebuilt with other parts meanwhile.
        IndexLockedError: another process writes.
        ModelError: a question with its answer does not fit the reader.
        ReadError: the file of pairs is missing or broken.
    """
    start = time.process_time()
    searched, asked = searched_column(rag, retriever), read_pairs(pairs)
    folds, same = folds_of(asked, _FOLDS, [seed, 37]), same_questions(asked)
    if int(same.max()) + 1 < _LEAST:
        raise ConfigError(
            f"there are {int(same.max()) + 1} different questions with answers; to learn from some and be judged by "
            f"others takes {_LEAST}, and hundreds to see a difference",
            where=str(pairs),
            fix='add lines such as {"question": "...", "answer": "..."}',
        )
    view, settings = rag.view, settings or DistillationSettings()
    if len(view) < 2:
        raise ConfigError(f"the index has {len(view)} passages to choose from", where=str(rag.path), fix="add some")
    unknown = _unknown(asked, view, str(pairs))
    teacher = answer_reader(rag)
    gold = Gold(teacher, [(pair.question, pair.answer) for pair in asked], lambda row: _passage(view, row))
    gold.check()
    check_unlocked(rag)
    vectors = view.vectors(searched.vector_column)
    candidates = min(_CANDIDATES, len(vectors))
    told("embedding the questions", 0, None)
    queries = searched.embedder.embed_queries([pair.question for pair in asked])
    rows = _nearest(queries, vectors, candidates)  # (questions, candidates)
    reading = _read(gold, rows, told)
    table = _table(gold, rows)  # (questions, candidates)
    turned, adapter = _cross_fitted(queries, vectors[rows], table, folds, settings, seed, told)
    most = min(rag.pipeline.answer.passages, len(vectors))
    best = {name: _nearest(own, vectors, max(most, min(_DEPTH, len(vectors)))) for name, own in turned.items()}
    for own in best.values():
        reading += _read(gold, own[:, :most], told)
    found = {
        name: FoundPassages(_by_question(_table(gold, own[:, :most]), same), _ndcg(asked, view, own, same))
        for name, own in best.items()
    }
    keep, reasons, (gain, beyond, ndcg) = decide(found["untrained"], found["distilled"], found["shuffled"], seed)
    report = RetrieverReport(
        keep=keep,
        reasons=reasons,
        rows={name: row_of(one) for name, one in found.items()},
        gain=gain,
        beyond_shuffled=beyond,
        ndcg=ndcg,
        questions=int(same.max()) + 1,
        told=len({same[number] for number, pair in enumerate(asked) if pair.documents}),
        unknown=unknown,
        passages=most,
        folds=_FOLDS,
        scored=len(gold.known),
        cut=teacher.cut,
        column=searched.vector_column,
        reader=teacher.name,
        seed=seed,
        settings=settings,
        cpu_seconds=time.process_time() - start,
        reading_cpu_seconds=reading,
        adapter=adapter,
    )
    return TrainedRetriever(report, _keep(rag, report, searched, view, timeout) if keep else None)


def searched_column(rag: Rag, label: str | None = None) -> VectorSearch:
    """What a dense retriever's questions are compared with: the fused vectors where these stand in for its own.

    Raises:
        ConfigError: the pipeline has no such retriever.
    """
    dense = {name: made for name, made in rag.parts.retrievers.items() if isinstance(made, VectorSearch)}
    if not dense or (label is not None and label not in dense):
        raise ConfigError(
            "the pipeline has no dense retriever" + ("" if label is None else f" {label!r}"),
            where=str(rag.path),
            choices=list(dense),
            fix="name one of them with --retriever" if dense else "add use('dense') to its retrievers",
        )
    name = next(iter(dense)) if label is None else label
    fusion = rag.parts.fusion
    if isinstance(fusion, RankedVectorFusion) and name in fusion.stands_in_for and isinstance(fusion, VectorSearch):
        return fusion
    return dense[name]


def _unknown(pairs: Sequence[Pair], view: IndexView, where: str) -> int:
    """How many of the documents that the pairs name are not in the index.

    Raises:
        ConfigError: none is, so that nothing could be judged by them.
        MissingDependencyError: what measures them is not installed.
    """
    named = {document for pair in pairs for document in pair.documents}
    if not named:
        return 0
    check_measures(_MEASURES)  # what is missing is better missed before the reader has read for an hour
    unknown = sorted(named - set(view.document_ids))
    if len(unknown) == len(named):
        raise ConfigError(
            f"the index has none of the {len(named):,} documents that the pairs name, such as {unknown[0]!r}",
            where=where,
            fix="give ids as 'plait search --json' shows them, or leave 'documents' out",
        )
    return len(unknown)


def _cross_fitted(
    queries: Vectors,
    offered: Vectors,
    gold: Vectors,
    folds: NDArray[np.int64],
    settings: DistillationSettings,
    seed: int,
    told: Progress,
) -> tuple[dict[str, Vectors], QueryAdapter]:
    """Question vectors by name of what turned them, and an adapter that has learnt from all questions.

    Args:
        queries: shape (questions, dimension).
        offered: vectors of each question's passages, shape (questions, passages, dimension).
        gold: what the reader thinks of these, shape (questions, passages).
        folds: which fold each question is in; no adapter turns a question that it has learnt from.
        settings: of the distillation.
        seed: of batches and control.
        told: called with how many folds are done.
    """
    teachings = {"distilled": gold, "shuffled": np.random.default_rng([seed, 31]).permuted(gold, axis=1)}

    def taught(part: NDArray[np.int64], wanted: Vectors) -> QueryAdapter:
        adapter = Adapter(queries.shape[1])
        distil(adapter, queries[part], offered[part], wanted[part], settings, seed=seed)
        return QueryAdapter(adapter.matrix.detach().numpy())

    turned = {"untrained": queries, **{name: queries.copy() for name in teachings}}
    for fold in range(_FOLDS):
        told("distilling", fold, _FOLDS + 1)
        learnt, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        for name, wanted in teachings.items():
            turned[name][held] = taught(learnt, wanted)(queries[held])
    told("distilling", _FOLDS, _FOLDS + 1)
    return turned, taught(np.arange(len(queries)), gold)


def _nearest(queries: Vectors, vectors: Vectors, k: int) -> NDArray[np.int64]:
    """Rows of the k highest cosines, best first, shape (questions, k)."""
    found = np.empty((len(queries), k), dtype=np.int64)
    for start in range(0, len(queries), _BLOCK):
        scores = queries[start : start + _BLOCK] @ vectors.T
        part = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)
        order = np.argsort(-np.take_along_axis(scores, part, axis=1), axis=1, kind="stable")
        found[start : start + _BLOCK] = np.take_along_axis(part, order, axis=1)
    return found


def _passage(view: IndexView, row: int) -> tuple[str, str]:
    passage = view.passage(row)
    return view.title(passage.document_id), passage.text


def _read(gold: Gold, rows: NDArray[np.int64], told: Progress) -> float:
    """Has the reader score what it has not read yet; the CPU seconds that took."""
    start = time.process_time()
    wanted = [(question, int(row)) for question, own in enumerate(rows) for row in own]
    gold.add(wanted, lambda done, total: told("asking the reader", done, total))
    return time.process_time() - start


def _table(gold: Gold, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.array([[gold.known[question, int(row)] for row in own] for question, own in enumerate(rows)], np.float32)


def _by_question(table: NDArray[np.floating[Any]], same: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means over pairs of one question: whoever asks it twice has not asked more."""
    sums = np.zeros((int(same.max()) + 1, *table.shape[1:]))
    np.add.at(sums, same, table)
    counts = np.bincount(same).reshape(-1, *[1] * (table.ndim - 1))
    means: NDArray[np.float64] = sums / counts
    return means


def _ndcg(
    pairs: Sequence[Pair], view: IndexView, rows: NDArray[np.int64], same: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """nDCG@10 of each question that names documents, by each document's best passage; None where none does."""
    qrels: dict[str, dict[str, int]] = {}
    asked: dict[str, int] = {}
    for number, (pair, question) in enumerate(zip(pairs, same.tolist(), strict=True)):
        if pair.documents:
            qrels.setdefault(str(question), {}).update(dict.fromkeys(pair.documents, 1))
            asked.setdefault(str(question), number)
    if not qrels:
        return None
    ids, numbers, run = view.document_ids, view.document_numbers, {}
    for question, number in asked.items():
        documents = dict.fromkeys(ids[numbers[row]] for row in rows[number])
        run[question] = [(document, -float(rank)) for rank, document in enumerate(documents)]
    values = per_query(qrels, run, _MEASURES)[_MEASURES[0]]
    return np.array([values[question] for question in qrels], dtype=np.float64)


def _keep(rag: Rag, report: RetrieverReport, searched: VectorSearch, view: IndexView, timeout: float) -> int:
    """Puts the adapter into use, beside those of other columns."""
    made_by = searched.made_by(view)
    with tempfile.TemporaryDirectory(dir=rag.path, prefix=".training-") as folder, committing(rag, timeout) as writer:
        if searched.made_by(writer.view) != made_by:
            raise ConfigError(
                "the graph was trained anew while the retriever learnt from the old vectors",
                where=str(rag.path),
                fix="run the command again",
            )
        place = Path(folder) / MODEL
        place.mkdir()
        copy_files(files_in_use(writer.view, MODEL), place)
        file = report.adapter.save(place, searched.vector_column, searched.embedder, made_by)
        file.with_suffix(".json").write_text(json.dumps(report.to_json(), indent=2), encoding="utf-8")
        writer.keep_model(MODEL, place)
        return writer.commit(f"train {MODEL} (on commit {view.commit})").number
