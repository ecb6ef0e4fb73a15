"""Measures of a ranking, computed by ir-measures (MacAvaney et al. 2022) over trec_eval's own code.

Three rules make figures comparable:

* **Order is what the system returned.** trec_eval and MS MARCO's script break ties between equal scores in
  opposite directions, by document id. Here each measure is given ranks, so all see one order and none sees a tie.
* **Every judged query counts.** One without hits, or without a relevant document, counts 0.
* **Unjudged documents are not relevant.**
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from plait.contracts.errors import ConfigError, MissingDependencyError
from plait.evaluation.retrieval.qrels import Qrels
from plait.evaluation.retrieval.runs import Run

__all__ = ["DEFAULT_MEASURES", "check_measures", "per_query"]

DEFAULT_MEASURES = ("nDCG@10", "recall@100", "MRR@10")

# How people write them -> how ir-measures does. All but MAP need a cutoff.
_NAMES = {
    "ndcg": "nDCG",
    "recall": "R",
    "r": "R",
    "mrr": "RR",
    "rr": "RR",
    "success": "Success",
    "hits": "Success",
    "precision": "P",
    "p": "P",
    "map": "AP",
    "ap": "AP",
}
_CHOICES = ("nDCG@k", "recall@k", "MRR@k", "precision@k", "success@k", "MAP", "MAP@k")


def per_query(qrels: Qrels, run: Run, measures: Iterable[str] = DEFAULT_MEASURES) -> dict[str, dict[str, float]]:
    """Measure -> query -> value, for every judged query.

    nDCG@k is trec_eval's: gain = grade (0 when negative), discount = 1 / log2(rank + 1), divided by the same sum
    over the best order possible. recall@k = relevant among the first k / all relevant. MRR@k = 1 / rank of the
    first relevant, 0 below rank k. MAP = mean of the precisions at the relevant documents, those not found as 0.

    Args:
        qrels: the judgements; a document is relevant from grade 1 up.
        run: the rankings, best first. Queries that are not judged are ignored.
        measures: names such as ``nDCG@10``.

    Raises:
        ConfigError: a measure has no such name, or no cutoff; or one document is in a ranking twice.
        MissingDependencyError: ir-measures is not installed.
    """
    names = list(dict.fromkeys(measures))
    parsed = {name: _parse(name) for name in names}
    library = _library()
    asked = {name: library.parse_measure(parsed[name]) for name in names}
    # pytrec_eval reads grades below 0 as gains below 0 in some builds: nothing below 0 can be relevant anyway.
    judged = {query: {document: max(0, grade) for document, grade in grades.items()} for query, grades in qrels.items()}
    ranked = {query: _by_rank(query, run[query]) for query in qrels if run.get(query)}
    values: dict[Any, dict[str, float]] = {measure: dict.fromkeys(qrels, 0.0) for measure in asked.values()}
    if ranked:
        for metric in library.iter_calc(list(values), judged, ranked):
            values[metric.measure][metric.query_id] = float(metric.value)
    return {name: values[asked[name]] for name in names}


def check_measures(measures: Iterable[str]) -> tuple[str, ...]:
    """The names, each once; raises before a long run what :func:`per_query` would raise after it.

    Raises:
        ConfigError: a measure has no such name, or no cutoff.
        MissingDependencyError: ir-measures is not installed.
    """
    names = tuple(dict.fromkeys(measures))
    for name in names:
        _parse(name)
    _library()
    return names


def _parse(name: str) -> str:
    """Name as ir-measures writes it.

    Example:
        >>> _parse("recall@100"), _parse("MAP")
        ('R@100', 'AP')
    """
    stem, at, cutoff = name.partition("@")
    known = _NAMES.get(stem.strip().lower())
    valid = cutoff.isascii() and cutoff.isdigit() and int(cutoff) > 0 if at else known == "AP"
    if known is None or not valid:
        raise ConfigError(f"there is no measure {name!r}", choices=_CHOICES, fix="write k as a number, as in nDCG@10")
    return f"{known}@{int(cutoff)}" if at else known


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
