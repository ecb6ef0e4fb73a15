"""Evaluation: test collections, measures, significance, reports; and how good answers and their citations are."""

from plait.evaluation.retrieval.collections import Collection, CollectionQuery, load_collection
from plait.evaluation.retrieval.evaluating import Found, evaluate
from plait.evaluation.retrieval.evaluation import Comparison, Evaluation, SystemScores
from plait.evaluation.retrieval.measures import DEFAULT_MEASURES, per_query
from plait.evaluation.retrieval.qrels import Qrels, read_qrels
from plait.evaluation.retrieval.reports import render, to_json
from plait.evaluation.retrieval.runs import Run, documents_of, read_run, write_run
from plait.evaluation.statistics.significance import (
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
