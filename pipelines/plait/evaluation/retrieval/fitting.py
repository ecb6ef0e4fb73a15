"""``plait evaluate --calibrate``: the pipeline's fusion, fitted on one split before another is measured with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.config import Pipeline, Use, use
from plait.contracts import Fusion, Hit, RankedVectorFusion, VectorFusion
from plait.contracts.errors import ConfigError, QueryError
from plait.evaluation.retrieval.collections import Collection
from plait.evaluation.retrieval.facets import own_documents_of
from plait.evaluation.retrieval.pools import Pools, restricted
from plait.evaluation.retrieval.querying import Retrieve

if TYPE_CHECKING:
    from plait.rag.ingest import Progress

__all__ = ["FittedRanks", "fit_fusion"]


@dataclass(frozen=True, slots=True)
class FittedRanks:
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
        written = ", ".join(
            [repr(self.fusion.name), *(f"{key}={value!r}" for key, value in self.fusion.settings.items())]
        )
        shared = f" ({self.left_out} that are measured too were left out)" if self.left_out else ""
        return (
            f"fusion fitted on the {self.queries} queries of split {self.split}{shared}, nDCG@10 {self.value:.4f} "
            f"there: {'ranks' if self.merging else 'fusion'}=use({written})"
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


def fit_fusion(
    collection: Collection,
    measured: Collection,
    retrieve: Retrieve,
    fusion: Fusion,
    *,
    exclude_self: bool = False,
    pools: Pools | None = None,
    progress: Progress | None = None,
) -> FittedRanks:
    """Asks the queries of one split and chooses fusion and weights by what the legs found.

    Queries that ``measured`` holds too are left out: what was fitted on them would be measured on them.

    Args:
        collection: the split to fit on.
        measured: the split that will be measured.
        retrieve: asks the pipeline.
        fusion: the pipeline's. One that joins vectors keeps doing so: only how it merges ranks is fitted.
        exclude_self: leave the document that is itself the query out of its runs.
        pools: the candidates of each query.
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
    earned: dict[str, Mapping[str, float]] = {}
    for done, (identifier, entry) in enumerate(mine.items()):
        if progress is not None:
            progress("calibration queries", done, len(mine))
        try:
            answer = retrieve(restricted(entry.query(), pools[identifier] if pools else None))
        except QueryError:
            continue  # no run can be fitted on a query that cannot be asked; ``queries`` says how many were
        dropped = own_documents_of(entry, collection.document_ids) if exclude_self else frozenset()
        runs[identifier] = {
            label: [hit for hit in hits if hit.document_id not in dropped] for label, hits in answer.runs.items()
        }
        earned[identifier] = answer.earned
    replaced = fusion.stands_in_for if isinstance(fusion, RankedVectorFusion) else ()
    found = calibrate(runs, collection.qrels, replaced, earned)
    return FittedRanks(
        found.best.fusion, collection.split, found.queries, dict(found.legs), found.best.value, left_out, merging
    )
