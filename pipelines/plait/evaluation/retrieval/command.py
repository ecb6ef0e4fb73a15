"""``plait evaluate``: from a collection on disk to an evaluation, with an index built where none is given.

With ``--calibrate``, the pipeline's fusion is fitted on one split before another is measured with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from plait.config import Pipeline, Use, use
from plait.contracts import Edge, Fusion, Hit, Query, RankedVectorFusion, VectorFusion
from plait.contracts.errors import ConfigError, IndexStoreError, QueryError
from plait.evaluation.reporting import check_target, write_json
from plait.evaluation.retrieval.collections import Collection, load_collection
from plait.evaluation.retrieval.evaluating import FUSED, Evaluation, Found, Retrieve, evaluate
from plait.evaluation.retrieval.measures import DEFAULT_MEASURES, Coherence, check_measures, coherence, stated_by
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
    split: str | None = None,
    pipeline: Pipeline | str | Path | None = None,
    index: str | Path | None = None,
    json_out: str | Path | None = None,
    run_out: str | Path | None = None,
    exclude_self: bool = False,
    calibrate: str | None = None,
    measures: Iterable[str] = DEFAULT_MEASURES,
    resamples: int = RESAMPLES,
    seed: int = 0,
    host: PluginHost | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Indexes a collection's corpus, asks the queries of one split, and measures every leg and the fused list.

    Args:
        path: folder in the BEIR layout.
        split: which judgements, a file of ``qrels/``; by default ``test``, or the only one there is.
        pipeline: the pipeline, or the file that holds one; by default the one ``index`` was written with, else
            the built-in default.
        index: where the index is or shall be; what is already in it is not encoded again. Without it, an index
            is built in a temporary folder and thrown away.
        json_out: file for the JSON report.
        run_out: file for the fused run in TREC's columns.
        exclude_self: leave the document whose id is the query's out of its run.
        calibrate: another split, on which the fusion's weights are fitted first; the pipeline file is not
            changed, the fitted fusion is in the notes and in the JSON.
        measures: names such as ``nDCG@10``.
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

    names = check_measures(measures)
    scipy_stats()
    collection = load_collection(path, split)
    if calibrate == collection.split:
        raise ConfigError(
            f"calibrating on {calibrate!r} and measuring on it would measure what was fitted",
            where="--calibrate",
            fix="calibrate on another split of the collection",
        )
    fitting = load_collection(path, calibrate) if calibrate is not None else None
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
            fitted = _fit_fusion(
                fitting,
                collection,
                _retriever(rag, exclude_self),
                rag.parts.fusion,
                exclude_self=exclude_self,
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
            resamples=resamples,
            seed=seed,
            retrievers=rag.parts.retrievers,
            progress=progress,
            notes=notes,
            settings={
                "depth": _depth(rag, exclude_self),
                "passages": len(view),
                "pipeline": rag.pipeline.model_dump(mode="json"),
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


def _retriever(rag: Rag, exclude_self: bool) -> Retrieve:
    """Asks the pipeline as deep as the measures look."""
    depth = _depth(rag, exclude_self)

    def retrieve(query: Query) -> Found:
        return rag.retrieve_all(query, depth)

    return retrieve


def _depth(rag: Rag, exclude_self: bool) -> int:
    """How many passages to ask for, so that about 100 documents come out and one can be left out."""
    view = rag.view
    return max(
        rag.pipeline.candidates, math.ceil((DOCUMENTS + exclude_self) * len(view) / max(1, len(view.document_ids)))
    )


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fitted fusion of ranks, and what was measured on the way (nDCG@10).

    Where the pipeline's fusion joins vectors first, ``merging`` is true and the fitted one becomes its ``ranks``.
    """

    fusion: Use
    split: str
    queries: int
    legs: Mapping[str, float]
    value: float
    left_out: int = 0
    merging: bool = False

    def in_pipeline(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline with this fusion."""
        chosen = self.fusion
        if self.merging:
            chosen = use(pipeline.fusion.name, **{**pipeline.fusion.settings, "ranks": self.fusion})
        return pipeline.model_copy(update={"fusion": chosen})

    def note(self) -> str:
        """One line for people, with the Python that repeats it."""
        settings = ", ".join(f"{key}={value!r}" for key, value in self.fusion.settings.items())
        shared = f" ({self.left_out} that are measured too were left out)" if self.left_out else ""
        return (
            f"fusion fitted on the {self.queries} queries of split {self.split}{shared}, nDCG@10 {self.value:.4f} "
            f"there: {'ranks' if self.merging else 'fusion'}=use({self.fusion.name!r}, {settings})"
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "split": self.split,
            "queries": self.queries,
            "left_out": self.left_out,
            "measure": "nDCG@10",
            "legs": dict(self.legs),
            "fused": self.value,
            "fusion": self.fusion.model_dump(mode="json"),
        }


def _fit_fusion(
    collection: Collection,
    measured: Collection,
    retrieve: Retrieve,
    fusion: Fusion,
    *,
    exclude_self: bool = False,
    progress: Progress | None = None,
) -> _Fitted:
    """Asks the queries of one split and chooses fusion and weights by what the legs found.

    Queries that ``measured`` holds too are left out: what was fitted on them would be measured on them.

    Args:
        collection: the split to fit on.
        measured: the split that will be measured.
        retrieve: asks the pipeline.
        fusion: the pipeline's. One that joins vectors keeps doing so: only how it merges ranks is fitted.
        exclude_self: leave the document whose id is the query's out of its runs.
        progress: called with (what, queries done, queries in all).

    Raises:
        ConfigError: no query is left to fit on, or the fusion searches by itself and says not how it merges ranks.
    """
    # Here, so that measuring without calibration does not import fusions that the pipeline may not use.
    from plait.fusion.calibration import calibrate

    merging = isinstance(fusion, RankedVectorFusion)
    if isinstance(fusion, VectorFusion) and not merging:
        raise ConfigError(
            f"the fusion {type(fusion).__name__} has no setting 'ranks' that could be fitted",
            where="--calibrate",
            fix="leave --calibrate out, or choose another fusion",
        )
    mine = {name: entry for name, entry in collection.queries.items() if name not in measured.queries}
    left_out = len(collection.queries) - len(mine)
    if not mine:
        raise ConfigError(
            f"all {left_out} queries of split {collection.split!r} are also in {measured.split!r}",
            where=str(collection.path),
            fix="calibrate on a split with other queries than those that are measured",
        )
    runs: dict[str, Mapping[str, Sequence[Hit]]] = {}
    for done, (identifier, entry) in enumerate(mine.items()):
        if progress is not None:
            progress("calibration queries", done, len(mine))
        try:
            legs = retrieve(Query(entry.text)).runs
        except QueryError:
            continue  # no run can be fitted on a query that cannot be asked; ``queries`` says how many were
        dropped = identifier if exclude_self else None
        runs[identifier] = {label: [hit for hit in hits if hit.document_id != dropped] for label, hits in legs.items()}
    found = calibrate(runs, collection.qrels, fusion.stands_in_for if isinstance(fusion, RankedVectorFusion) else ())
    return _Fitted(
        found.best.fusion, collection.split, found.queries, dict(found.legs), found.best.value, left_out, merging
    )
