"""Measures of rankings: is what was found relevant?

They are computed by ir-measures (MacAvaney et al. 2022) over trec_eval's own code. These rules make figures comparable:

* **Order is what the system returned.** trec_eval and MS MARCO's script break ties between equal scores in
  opposite directions, by document id. Here each measure is given ranks, so all see one order and none sees a tie.
* **Every judged query counts.** One without hits, or without a relevant document, counts 0.
* **Unjudged documents are not relevant**, unless they are dropped: then every measure sees the *condensed list*, the
  ranking without them (Sakai 2007, *Alternatives to bpref*). ``bpref`` never looks at them, ``judged@k`` counts them.

``%p`` in the place of ``@k`` cuts at p per cent of the query's pool, rounded down, at the first rank at least: where
pools have 100 and 250 documents, one rank does not mean the same in both. ``nDCG%20`` is the measure of CSFCube (Mysore
et al. 2021, arXiv:2103.12906). Its script, unlike trec_eval, does not discount the second rank: ``nDCG-jk``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from plait.contracts.errors import ConfigError, MissingDependencyError
from plait.evaluation.retrieval.collections import Qrels
from plait.evaluation.retrieval.runs import Run

__all__ = ["DEFAULT_MEASURES", "POOL_MEASURES", "Unjudged", "check_measures", "per_query"]

DEFAULT_MEASURES = ("nDCG@10", "recall@100", "MRR@10")
POOL_MEASURES = ("nDCG%20", "nDCG-jk%20", "R-precision", "MAP")
"""What is measured where every query ranks its own pool."""

Unjudged = Literal["irrelevant", "dropped"]
"""What an unjudged document counts as: not relevant, or nothing (the ranking is condensed)."""

_Gains = Literal["grade", "exponential", "jk", "binary", "judged"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How ir-measures calls a measure, what it makes of grades, and whether it needs, takes or refuses a cutoff."""

    library: str
    gains: _Gains
    cutoff: Literal["needed", "possible", "none"] = "needed"


# How people write them.
_KINDS = {
    "ndcg": _Kind("nDCG", "grade"),
    "ndcg-exp": _Kind("nDCG", "exponential"),
    "ndcg-jk": _Kind("nDCG", "jk"),
    **dict.fromkeys(("recall", "r"), _Kind("R", "binary")),
    **dict.fromkeys(("mrr", "rr"), _Kind("RR", "binary")),
    **dict.fromkeys(("success", "hits"), _Kind("Success", "binary")),
    **dict.fromkeys(("precision", "p"), _Kind("P", "binary")),
    **dict.fromkeys(("map", "ap"), _Kind("AP", "binary", "possible")),
    **dict.fromkeys(("r-precision", "rprec"), _Kind("Rprec", "binary", "none")),
    "bpref": _Kind("Bpref", "binary", "none"),
    "judged": _Kind("Judged", "judged"),
}
_CHOICES = (
    *("nDCG@k", "nDCG-exp@k", "nDCG-jk@k", "recall@k", "MRR@k", "precision@k", "success@k", "MAP", "MAP@k"),
    *("R-precision", "bpref", "judged@k"),
)
_MOST = 30  # highest grade of nDCG-exp: its gain is about 10^9, which trec_eval's whole numbers hold


@dataclass(frozen=True, slots=True)
class _Measure:
    kind: _Kind
    cut: int | None = None
    percent: bool = False

    def cutoff(self, pool: int | None) -> int | None:
        """Ranks that count, for a pool of this size."""
        if not self.percent:
            return self.cut
        assert self.cut is not None and pool is not None  # noqa: S101 - checked by per_query
        return max(1, self.cut * pool // 100)


def per_query(
    qrels: Qrels,
    run: Run,
    measures: Iterable[str] = DEFAULT_MEASURES,
    *,
    pool_sizes: Mapping[str, int] | None = None,
    relevant_from: int = 1,
    unjudged: Unjudged = "irrelevant",
) -> dict[str, dict[str, float]]:
    """Measure -> query -> value, for every judged query.

    nDCG@k is trec_eval's: gain = grade (0 when negative), discount = 1 / log2(rank + 1), divided by the same sum
    over the best order possible; nDCG-exp has the gain 2^grade - 1 (Burges et al. 2005), nDCG-jk the discount
    1 / max(1, log2 rank) (Järvelin and Kekäläinen 2002). recall@k = relevant among the first k / all relevant.
    MRR@k = 1 / rank of the first relevant, 0 below rank k. MAP = mean of the precisions at the relevant documents,
    those not found as 0. R-precision = precision at the rank that is the number of relevant documents. bpref =
    judged documents only: how often a relevant one stands before those that are not (Buckley and Voorhees 2004).
    judged@k = judged among the first k / those returned.

    Args:
        qrels: the judgements.
        run: the rankings, best first. Queries that are not judged are ignored.
        measures: names such as ``nDCG@10``, or ``nDCG%20`` for 20 % of the pool.
        pool_sizes: query -> documents in its pool, for measures cut at a percentage.
        relevant_from: the grade from which a document is relevant, for all but nDCG, which has gains.
        unjudged: ``dropped`` takes unjudged documents out of the rankings before measuring.

    Raises:
        ConfigError: a measure has no such name, or no cutoff; it is cut at a percentage of pools that are not
            given; a grade is too high for nDCG-exp; or one document is in a ranking twice.
        MissingDependencyError: ir-measures is not installed.
    """
    asked = {name: _parse(name) for name in dict.fromkeys(measures)}
    check_measures(asked, pooled=pool_sizes is not None)
    ranked = {query: _by_rank(query, run[query]) for query in qrels if run.get(query)}
    short = {query: _judged_only(ranks, qrels[query]) for query, ranks in ranked.items()}
    values = {name: dict.fromkeys(qrels, 0.0) for name in asked}
    for name, measure in asked.items():
        gains = measure.kind.gains
        grades = {query: _gained(known, gains, relevant_from) for query, known in qrels.items()}
        rankings = short if unjudged == "dropped" and gains != "judged" else ranked
        cuts: defaultdict[int | None, dict[str, dict[str, float]]] = defaultdict(dict)
        for query, ranks in rankings.items():
            if ranks:
                cuts[measure.cutoff((pool_sizes or {}).get(query))][query] = ranks
        for cut, some in cuts.items():
            values[name] |= _computed(measure.kind, cut, {query: grades[query] for query in some}, some)
    return values


def check_measures(measures: Iterable[str], *, pooled: bool = False) -> tuple[str, ...]:
    """The names, each once; raises before a long run what :func:`per_query` would raise after it.

    Args:
        measures: the names.
        pooled: whether each query has a pool, of which a percentage can be taken.

    Raises:
        ConfigError: a measure has no such name, or no cutoff, or is cut at a percentage of pools that are not there.
        MissingDependencyError: ir-measures is not installed.
    """
    names = tuple(dict.fromkeys(measures))
    if (percent := next((name for name in names if _parse(name).percent), None)) and not pooled:
        raise ConfigError(
            f"{percent} is cut at a percentage of each query's pool, but there are no pools",
            where="measures",
            fix="evaluate within pools (--pool), or name a rank, as in nDCG@10",
        )
    _library()
    return names


def _parse(name: str) -> _Measure:
    """A measure by its name.

    Example:
        >>> _parse("recall@100").kind.library, _parse("MAP").cut, _parse("nDCG%20").cutoff(250)
        ('R', None, 50)
    """
    sign = "%" if "%" in name else "@"
    stem, at, cutoff = name.partition(sign)
    kind = _KINDS.get(stem.strip().lower())
    number = int(cutoff) if cutoff.isascii() and cutoff.isdigit() else 0
    if kind is not None and not at and kind.cutoff != "needed":
        return _Measure(kind)
    if kind is None or kind.cutoff == "none" or not 0 < number <= (100 if sign == "%" else math.inf):
        raise ConfigError(
            f"there is no measure {name!r}",
            choices=_CHOICES,
            fix="write k as a number, as in nDCG@10, or a percentage of the pool, as in nDCG%20",
        )
    return _Measure(kind, number, sign == "%")


def _gained(grades: Mapping[str, int], gains: _Gains, relevant_from: int) -> dict[str, int]:
    """What ir-measures is given as grades. pytrec_eval reads those below 0 as gains below 0 in some builds."""
    if gains == "binary":
        return {document: int(grade >= relevant_from) for document, grade in grades.items()}
    if gains == "exponential":
        if (highest := max(grades.values(), default=0)) > _MOST:
            raise ConfigError(f"grade {highest} is too high for nDCG-exp", fix=f"take nDCG, or grades up to {_MOST}")
        return {document: 2 ** max(0, grade) - 1 for document, grade in grades.items()}
    return {document: max(0, grade) for document, grade in grades.items()}


def _computed(
    kind: _Kind, cut: int | None, grades: Mapping[str, Mapping[str, int]], ranked: Mapping[str, dict[str, float]]
) -> dict[str, float]:
    if kind.gains == "jk":
        return {query: _jk(grades[query], list(ranks), cut) for query, ranks in ranked.items()}
    library = _library()
    measure = library.parse_measure(kind.library if cut is None else f"{kind.library}@{cut}")
    return {metric.query_id: float(metric.value) for metric in library.iter_calc([measure], grades, ranked)}


def _jk(grades: Mapping[str, int], documents: Sequence[str], cut: int | None) -> float:
    """NDCG with the discount of Järvelin and Kekäläinen, which ir-measures has not.

    Example:
        >>> # (2 + 1 + 2 / log2 3) / (2 + 2 + 1 / log2 3)
        >>> round(_jk({"a": 2, "b": 1, "c": 2}, ["a", "b", "c", "d"], 4), 6)
        0.920303
    """

    def summed(gains: Sequence[int]) -> float:
        return math.fsum(gain / max(1.0, math.log2(rank)) for rank, gain in enumerate(gains[:cut], start=1))

    best = summed(sorted(grades.values(), reverse=True))
    return summed([grades.get(document, 0) for document in documents]) / best if best else 0.0


def _library() -> Any:
    try:
        import ir_measures
    except ImportError as error:
        raise MissingDependencyError(
            "measuring needs the package ir-measures", fix="pip install 'plait[evaluation]'"
        ) from error
    return ir_measures


def _by_rank(query: str, ranking: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Scores that say the order and nothing else: whole numbers, exact in trec_eval's single precision."""
    ranks = {document: float(-rank) for rank, (document, _) in enumerate(ranking, start=1)}
    if len(ranks) != len(ranking):
        raise ConfigError(f"the ranking of query {query!r} holds a document twice", fix="take documents_of(hits)")
    return ranks


def _judged_only(ranks: Mapping[str, float], grades: Mapping[str, int]) -> dict[str, float]:
    return {document: score for document, score in ranks.items() if document in grades}
