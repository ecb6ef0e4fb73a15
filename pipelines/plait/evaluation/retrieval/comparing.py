"""``plait evaluate`` on several collections, or against other pipelines: one pipeline, seen from all sides at once.

For every collection and measure: the fused list, each of its legs, what fusing lost or gained against the best of them,
and the difference to each baseline pipeline on the same queries. Over the collections: means in which each weighs the
same, p values corrected for their number, and the worst loss. A mean hides that fusion ruined one collection out of
eight; the worst loss does not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from plait.config import Pipeline
from plait.contracts.errors import ConfigError
from plait.evaluation.reporting import check_target, write_json
from plait.evaluation.retrieval.collections import load_collection
from plait.evaluation.retrieval.command import evaluate_collection
from plait.evaluation.retrieval.evaluating import Evaluation
from plait.evaluation.statistics.significance import (
    RESAMPLES,
    Interval,
    bootstrap_interval,
    holm,
    paired_randomisation,
)
from plait.evaluation.statistics.stratified import mean_over_collections

if TYPE_CHECKING:
    from plait.hooks import PluginHost
    from plait.rag import Rag
    from plait.rag.ingest import Progress
    from plait.rag.parts import Parts

__all__ = ["Against", "Judged", "Overall", "SideBySide", "evaluate_collections", "index_folder", "side_by_side"]


@dataclass(frozen=True, slots=True)
class Against:
    """The fused list less another system on the same queries.

    Args:
        system: label of the leg, or name of the baseline pipeline.
        difference: mean with the ends of its paired bootstrap interval.
        p: of the paired randomisation test.
        p_holm: the same, corrected for the number of collections; None for the best leg, where nothing is claimed.
    """

    system: str
    difference: Interval
    p: float
    p_holm: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One collection: the pipeline's evaluation, and each baseline's by name."""

    evaluation: Evaluation
    baselines: Mapping[str, Evaluation]
    best_leg: Mapping[str, Against]
    """Measure -> against the leg that is best by it."""
    against: Mapping[str, Mapping[str, Against]]
    """Baseline -> measure -> against its fused list."""


@dataclass(frozen=True, slots=True)
class Overall:
    """One measure over all collections, each of which weighs the same.

    Args:
        fused: mean with its interval, queries resampled within collections.
        against: baseline -> mean difference.
        worst: the collection on which the fused list lies farthest below (or least above) its best leg.
        loss: that difference; below 0 where fusing harmed.
    """

    fused: Interval
    against: Mapping[str, Interval]
    worst: str
    loss: Against


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A pipeline on several collections."""

    collections: tuple[Judged, ...]
    overall: Mapping[str, Overall]
    """Measure -> over all collections."""

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the pipelines compared with."""
        return tuple(self.collections[0].baselines)


def evaluate_collections(
    paths: Sequence[str | Path],
    *,
    pipeline: Pipeline | str | Path | None = None,
    baselines: Sequence[Pipeline | str | Path] = (),
    indexes: str | Path | None = None,
    json_out: str | Path | None = None,
    calibrate: str | None = None,
    exclude_self: bool | Collection[str] = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    host: PluginHost | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> SideBySide:
    """Evaluates a pipeline, and each baseline, on every collection.

    Pipelines that store the same (they differ in fusion, ranker and so on) share an index: nothing is encoded twice.

    Args:
        paths: folders in the BEIR layout, of different names.
        pipeline: the pipeline, or the file that holds one; by default the built-in default.
        baselines: pipelines to compare with. A file is named by its stem.
        indexes: a folder in which the indexes are kept, see :func:`index_folder`; by default a temporary one.
        json_out: file for the JSON report.
        calibrate: the split on which the pipeline's fusion is fitted first; baselines stay as they are.
        exclude_self: leave the document that is itself the query out of its run, in all collections or in those named.
        resamples: of bootstrap and randomisation.
        seed: of both.
        host: the plugin host; by default one that has discovered everything installed.
        progress: called with (what, how many are done, how many there are or None).
        **options: what :func:`evaluate_collection` takes beside these, such as ``split``.

    Raises:
        ConfigError: two collections or two baselines have one name.
        PlaitError: as for :func:`evaluate_collection`.
    """
    from plait.hooks import PluginHost
    from plait.rag import open_index
    from plait.rag.parts import differences

    _distinct([_name(path) for path in paths], "collections")
    check_target(json_out)
    names = [f"baseline {n}" if isinstance(e, Pipeline) else Path(e).stem for n, e in enumerate(baselines, start=1)]
    _distinct(names, "baselines")
    chosen = {_name(path) for path in paths} if exclude_self is True else set(exclude_self or ())
    if unknown := chosen - {_name(path) for path in paths}:
        raise ConfigError(
            f"there is no collection {min(unknown)!r} whose queries could be left out",
            where="exclude_self",
            choices=[_name(path) for path in paths],
        )
    host = host or PluginHost.discover()
    for path in paths:
        load_collection(path, options.get("split"))  # a broken one is found out before hours of work on the others
    judged = []
    with ExitStack() as stack:
        parent = Path(indexes or stack.enter_context(TemporaryDirectory(prefix="plait-evaluate-")))
        mine = open_index(parent / "none", pipeline, host=host)
        others = {
            name: open_index(parent / "none", each, host=host) for name, each in zip(names, baselines, strict=True)
        }
        for path in paths:
            built: dict[Path, Mapping[str, Any]] = {}

            def evaluated(rag: Rag, path: str | Path, built: dict[Path, Mapping[str, Any]], **more: Any) -> Evaluation:
                """In an index that holds all this pipeline wants, be it another one's."""
                wanted = rag.parts.identity()
                fitting = (place for place, identity in built.items() if not differences(identity, wanted))
                place = next(fitting, None) or index_folder(parent, _name(path), rag.parts)
                built.setdefault(place, wanted)
                asked = {"resamples": resamples, "seed": seed, "host": host, "progress": progress, **options, **more}
                own = _name(path) in chosen
                return evaluate_collection(path, pipeline=rag.pipeline, index=place, exclude_self=own, **asked)

            evaluation = evaluated(mine, path, built, calibrate=calibrate)
            judged.append((evaluation, {name: evaluated(other, path, built) for name, other in others.items()}))
    found = side_by_side(judged, resamples=resamples, seed=seed)
    if json_out is not None:
        from plait.evaluation.retrieval.comparison_report import comparison_json

        write_json(json_out, comparison_json(found))
    return found


def side_by_side(
    evaluations: Sequence[tuple[Evaluation, Mapping[str, Evaluation]]], *, resamples: int = RESAMPLES, seed: int = 0
) -> SideBySide:
    """Puts evaluations of one pipeline beside those of its baselines, which measured the same.

    Args:
        evaluations: of each collection the pipeline's, and each baseline's by name.
        resamples: of bootstrap and randomisation.
        seed: of both.
    """
    measures, names = evaluations[0][0].measures, list(evaluations[0][1])

    def less(evaluation: Evaluation, system: str, other: Mapping[str, float], measure: str) -> Against:
        mine = list(evaluation.fused.values[measure].values())
        theirs = [other[query] for query in evaluation.fused.values[measure]]
        difference = [a - b for a, b in zip(mine, theirs, strict=True)]
        interval = bootstrap_interval(difference, resamples=resamples, seed=seed)
        return Against(system, interval, paired_randomisation(mine, theirs, resamples=resamples, seed=seed))

    best: dict[str, list[Against]] = {}
    versus: dict[str, dict[str, list[Against]]] = {name: {} for name in names}
    overall = {}
    for measure in measures:
        best[measure] = []
        for evaluation, _ in evaluations:
            leg = evaluation.best_leg(measure)
            best[measure].append(less(evaluation, leg.label, leg.values[measure], measure))
        for name in names:
            each = [less(mine, name, others[name].fused.values[measure], measure) for mine, others in evaluations]
            corrected = holm([found.p for found in each])
            versus[name][measure] = [replace(found, p_holm=p) for found, p in zip(each, corrected, strict=True)]
        worst = min(range(len(evaluations)), key=lambda place, losses=best[measure]: losses[place].difference.mean)  # type: ignore[misc]
        overall[measure] = Overall(
            _mean([_differences(mine, None, measure) for mine, _ in evaluations], resamples, seed),
            {
                name: _mean(
                    [_differences(mine, others[name], measure) for mine, others in evaluations], resamples, seed
                )
                for name in names
            },
            evaluations[worst][0].task,
            best[measure][worst],
        )
    return SideBySide(
        tuple(
            Judged(
                evaluation,
                others,
                {measure: best[measure][place] for measure in measures},
                {name: {measure: versus[name][measure][place] for measure in measures} for name in names},
            )
            for place, (evaluation, others) in enumerate(evaluations)
        ),
        overall,
    )


def index_folder(parent: str | Path, collection: str, parts: Parts) -> Path:
    """Where an index of a collection is kept: ``<collection>-<identity>.plait``.

    The name follows from what the index is built with (chunker, embedder, columns), so other parts get another folder.
    """
    identity = json.dumps(parts.identity(), sort_keys=True)
    Path(parent).mkdir(parents=True, exist_ok=True)
    return Path(parent) / f"{collection}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.plait"


def _differences(evaluation: Evaluation, other: Evaluation | None, measure: str) -> list[float]:
    """The fused list's values, query by query, less those of another pipeline's."""
    theirs = other.fused.values[measure] if other else {}
    return [value - theirs.get(query, 0.0) for query, value in evaluation.fused.values[measure].items()]


def _mean(collections: Sequence[Sequence[float]], resamples: int, seed: int) -> Interval:
    return mean_over_collections(collections, resamples=resamples, seed=seed)


def _name(path: str | Path) -> str:
    return Path(path).resolve().name


def _distinct(names: Sequence[str], what: str) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"two {what} are called {twice[0]!r}", where=what, fix="rename one: reports name them so")
