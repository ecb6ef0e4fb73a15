"""Evaluation in three rooms: how well a pipeline retrieves, how good its answers are, and how sure that is.

``plait evaluate`` is :func:`plait.evaluation.retrieval.command.evaluate_collection`, with ``--answers``
:func:`plait.evaluation.answers.answer_command.evaluate_answers`.
"""

from plait.evaluation.retrieval.collections import (
    Collection,
    CollectionQuery,
    Qrels,
    load_collection,
    read_qrels,
)
from plait.evaluation.retrieval.evaluating import Evaluation, SystemScores, evaluate
from plait.evaluation.retrieval.measures import DEFAULT_MEASURES, per_query
from plait.evaluation.retrieval.querying import Found
from plait.evaluation.retrieval.reports import render, to_json
from plait.evaluation.retrieval.runs import Run, documents_of, read_run, write_run
from plait.evaluation.statistics.significance import (
    Comparison,
    Interval,
    bootstrap_interval,
    paired_bootstrap,
    paired_randomisation,
)

__all__ = [
    "DEFAULT_MEASURES",
    "Collection",
    "CollectionQuery",
    "Comparison",
    "Evaluation",
    "Found",
    "Interval",
    "Qrels",
    "Run",
    "SystemScores",
    "bootstrap_interval",
    "documents_of",
    "evaluate",
    "load_collection",
    "paired_bootstrap",
    "paired_randomisation",
    "per_query",
    "read_qrels",
    "read_run",
    "render",
    "to_json",
    "write_run",
]
