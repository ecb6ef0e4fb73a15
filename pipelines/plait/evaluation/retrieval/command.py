"""``plait evaluate``: from a collection on disk to an evaluation, with an index built where none is given.

With ``--calibrate``, the pipeline's fusion is fitted on one split before another is measured with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.config import Pipeline
from plait.contracts import Edge, Query
from plait.contracts.errors import ConfigError, IndexStoreError
from plait.evaluation.reporting import check_target, write_json
from plait.evaluation.retrieval.coherence import Coherence, coherence, stated_by
from plait.evaluation.retrieval.collections import Collection, load_collection
from plait.evaluation.retrieval.evaluating import FUSED, Evaluation, evaluate
from plait.evaluation.retrieval.facets import own_documents
from plait.evaluation.retrieval.fitting import fit_fusion
from plait.evaluation.retrieval.measures import DEFAULT_MEASURES, POOL_MEASURES, Unjudged, check_measures
from plait.evaluation.retrieval.pools import Pools, PoolSource, load_pools
from plait.evaluation.retrieval.querying import Found, Retrieve
from plait.evaluation.retrieval.reports import to_json
from plait.evaluation.retrieval.runs import check_ids, write_run
from plait.evaluation.statistics.significance import RESAMPLES, scipy_stats

if TYPE_CHECKING:
    from plait.hooks import PluginHost
    from plait.rag import Rag
    from plait.rag.ingest import Progress

__all__ = ["evaluate_collection", "index_collection"]

DOCUMENTS = 100
"""How many documents every leg should be able to bring up, for recall@100."""


def evaluate_collection(
    path: str | Path,
    *,
    split: str | Sequence[str] | None = None,
    pipeline: Pipeline | str | Path | None = None,
    index: str | Path | None = None,
    json_out: str | Path | None = None,
    run_out: str | Path | None = None,
    exclude_self: bool = False,
    calibrate: str | None = None,
    measures: Iterable[str] | None = None,
    pool: PoolSource | None = None,
    relevant_from: int = 1,
    unjudged: Unjudged = "irrelevant",
    resamples: int = RESAMPLES,
    seed: int = 0,
    host: PluginHost | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Indexes a collection's corpus, asks the queries of one split, and measures every leg and the fused list.

    Args:
        path: folder in the BEIR layout.
        split: which judgements, a file of ``qrels/``, or several; by default ``test``, or the only one there is.
        pipeline: the pipeline, or the file that holds one; by default the one ``index`` was written with, else
            the built-in default.
        index: where the index is or shall be; what is already in it is not encoded again. Without it, an index
            is built in a temporary folder and thrown away.
        json_out: file for the JSON report.
        run_out: file for the fused run in TREC's columns.
        exclude_self: leave the document that is itself the query out of its run.
        calibrate: another split, on which the fusion's weights are fitted first; the pipeline file is not
            changed, the fitted fusion is in the notes and in the JSON.
        measures: names such as ``nDCG@10``; by default nDCG@10, recall@100 and MRR@10, in pools those of pools.
        pool: where each query's candidates come from, see :mod:`plait.evaluation.retrieval.pools`; None ranks all.
        relevant_from: the grade from which a document is relevant, for all measures but nDCG.
        unjudged: what an unjudged document counts as, see :mod:`plait.evaluation.retrieval.measures`.
        resamples: of bootstrap and randomisation.
        seed: of both.
        host: the plugin host; by default one that has discovered everything installed.
        progress: called with (what, how many are done, how many there are or None).

    Raises:
        ReadError: the collection is missing or broken.
        ConfigError: pipeline or measure is wrong, or the split to calibrate on is the one to measure.
        IndexStoreError: nothing of the corpus could be indexed, or the index was built by other parts.
        PlaitError: an output file cannot be written (said before the work starts, where it can be known).
    """
    from plait.rag import open_index

    names = check_measures(measures or (POOL_MEASURES if pool else DEFAULT_MEASURES), pooled=pool is not None)
    scipy_stats()
    collection = load_collection(path, split)
    if calibrate in collection.splits:
        raise ConfigError(
            f"calibrating on {calibrate!r} and measuring on it would measure what was fitted",
            where="--calibrate",
            fix="calibrate on another split of the collection",
        )
    fitting = load_collection(path, calibrate) if calibrate is not None else None
    pools = _pools(collection, pool, exclude_self)
    fitting_pools = _pools(fitting, pool, exclude_self)
    for target in (json_out, run_out):
        check_target(target)
    if run_out is not None:
        check_ids([*collection.queries, *collection.document_ids])
    with ExitStack() as stack:
        place = index or stack.enter_context(TemporaryDirectory(prefix="plait-evaluate-"))
        rag = stack.enter_context(open_index(place, pipeline, host=host))
        notes = index_collection(rag, collection, progress)
        settings: dict[str, Any] = {}
        if fitting is not None:
            fitted = fit_fusion(
                fitting,
                collection,
                _retriever(rag, exclude_self),
                rag.parts.fusion,
                exclude_self=exclude_self,
                pools=fitting_pools,
                progress=progress,
            )
            rag = stack.enter_context(open_index(place, fitted.in_pipeline(rag.pipeline), host=host))
            notes.append(fitted.note())
            settings["calibration"] = fitted.to_json()
        view = rag.view
        evaluation = evaluate(
            collection,
            _retriever(rag, exclude_self),
            measures=names,
            exclude_self=exclude_self,
            pools=pools,
            relevant_from=relevant_from,
            unjudged=unjudged,
            resamples=resamples,
            seed=seed,
            retrievers=rag.parts.retrievers,
            progress=progress,
            notes=notes,
            settings={
                "depth": _depth(rag, exclude_self),
                "passages": len(view),
                "pipeline": rag.pipeline.model_dump(mode="json"),
                **({"pool": pool} if pool else {}),
                **settings,
            },
        )
        evaluation = replace(evaluation, coherence=_coherence(evaluation, view.edges() or (), seed))
    if json_out is not None:
        write_json(json_out, to_json(evaluation))
    if run_out is not None:
        write_run(run_out, evaluation.fused.run, tag=f"plait-{FUSED}")
    return evaluation


def _coherence(evaluation: Evaluation, facts: Iterable[Edge], seed: int) -> dict[str, Coherence]:
    """Of every leg and the fused list, by the citations and topics that the index knows."""
    links, topics = stated_by(facts)
    if not links:
        return {}
    found = {}
    for system in evaluation.systems:
        rankings = {query: [document for document, _ in ranking] for query, ranking in system.run.items()}
        found[system.label] = coherence(rankings, links, topics, seed=seed)
    return found


def index_collection(rag: Rag, collection: Collection, progress: Progress | None) -> list[str]:
    """Adds the corpus; what differs between it and the index afterwards is noted."""
    summary = rag.add(collection.path, progress=progress)
    indexed = set(rag.view.document_ids)
    missing = collection.document_ids - indexed - set(collection.blank)
    others = indexed - collection.document_ids
    why = f"; the first failure: {summary.failures[0]}" if summary.failures else ""
    if missing and not indexed & collection.document_ids:
        raise IndexStoreError(
            f"no document of the corpus is in the index{why}",
            where=str(collection.path),
            fix="put the reader 'beir' into the pipeline's readers",
        )
    notes = []
    if missing:
        notes.append(f"{len(missing)} documents of the corpus are not in the index{why}")
    if others:
        notes.append(f"the index holds {len(others)} documents that are not of this collection; they can be found too")
    return notes


def _pools(collection: Collection | None, source: PoolSource | None, exclude_self: bool) -> Pools | None:
    if collection is None or source is None:
        return None
    return load_pools(collection, source, own_documents(collection) if exclude_self else None)


def _retriever(rag: Rag, exclude_self: bool) -> Retrieve:
    """Asks the pipeline as deep as the measures look; for a pool, for all of its passages."""
    depth, view = _depth(rag, exclude_self), rag.view
    passages = dict(
        zip(
            view.document_ids,
            np.bincount(view.document_numbers, minlength=len(view.document_ids)).tolist(),
            strict=True,
        )
    )

    def retrieve(query: Query) -> Found:
        pool = query.filters.get("id")
        return rag.retrieve_all(query, depth if pool is None else max(1, sum(passages.get(each, 0) for each in pool)))

    return retrieve


def _depth(rag: Rag, exclude_self: bool) -> int:
    """How many passages to ask for, so that about 100 documents come out and one can be left out."""
    view = rag.view
    return max(
        rag.pipeline.candidates, math.ceil((DOCUMENTS + exclude_self) * len(view) / max(1, len(view.document_ids)))
    )
