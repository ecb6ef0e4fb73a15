"""Candidate pools: of each query, the documents that are ranked for it, and no others.

CSFCube (Mysore et al. 2021, arXiv:2103.12906) and SciDocs (Cohan et al. 2020, arXiv:2004.07180) ask which of a query's
candidates are relevant, not what a search over everything brings up. A pool comes from a file beside the judgements::

    pools/test.tsv      query-id <tab> corpus-id, with or without that header

or it is what was judged for the query. Retrieval is restricted to it (a filter on document ids), so each leg ranks the
pool and they are fused over it; a document that a leg does not return goes last, in an order that follows from nothing
a collection says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from plait.contracts import Query
from plait.contracts.errors import ReadError
from plait.evaluation.retrieval.collections import Collection, Qrels, numbered_lines
from plait.evaluation.retrieval.runs import Ranking

__all__ = ["PoolSource", "Pools", "completed", "in_pools", "load_pools", "read_pools", "restricted"]

PoolSource = Literal["file", "judged"]

Pools = Mapping[str, tuple[str, ...]]
"""Query id -> ids of the documents that are ranked for it, in an order without meaning."""


def load_pools(
    collection: Collection, source: PoolSource, left_out: Mapping[str, frozenset[str]] | None = None
) -> Pools:
    """The pool of every judged query.

    Args:
        collection: the queries, judgements and documents.
        source: ``file`` reads ``pools/<split>.tsv``; ``judged`` takes the judged documents that are in the corpus.
        left_out: query -> documents that are no candidates for it, such as the paper that is itself the query.

    Raises:
        ReadError: a file is missing (those that exist are listed) or broken, a document is not in the corpus, or a
            judged query has no candidate.
    """
    where = str(collection.path / ("pools" if source == "file" else "qrels"))
    if source == "file":
        found = _from_files(collection)
        unknown = sorted({each for pool in found.values() for each in pool} - collection.document_ids)
        if unknown:
            raise ReadError(
                f"{len(unknown)} documents of the pools are not in the corpus: {', '.join(unknown[:5])}",
                where=where,
                fix="the files belong to different collections or versions: take both from the same one",
            )
    else:
        found = {
            query: tuple(document for document in grades if document in collection.document_ids)
            for query, grades in collection.qrels.items()
        }
    pools = {
        query: tuple(sorted(set(found.get(query, ())) - (left_out or {}).get(query, frozenset()), key=_order(query)))
        for query in collection.qrels
    }
    if empty := [query for query, pool in pools.items() if not pool]:
        raise ReadError(
            f"{len(empty)} judged queries have no candidate in their pool: {', '.join(empty[:5])}",
            where=where,
            fix="give each a line: query-id <tab> corpus-id" if source == "file" else "judge a document of the corpus",
        )
    return pools


def read_pools(path: str | Path) -> dict[str, list[str]]:
    """Reads pools: two columns, query and document, between tabs or blanks, under a header or not.

    Raises:
        ReadError: the file is missing, empty or not UTF-8, or a line is broken. The message names file and line.
    """
    pools: dict[str, list[str]] = {}
    for number, (where, line) in enumerate(numbered_lines(path)):
        columns = [each.strip() for each in line.split("\t")] if "\t" in line else line.split()
        if number == 0 and columns[:2] == ["query-id", "corpus-id"]:
            continue
        if len(columns) != 2 or not all(columns):
            raise ReadError(f"this line is broken: {line[:80]!r}", where=where, fix="write query-id <tab> corpus-id")
        pools.setdefault(columns[0], []).append(columns[1])
    if not pools:
        raise ReadError("this file holds no pool", where=str(path), fix="a line is: query-id <tab> corpus-id")
    return pools


def restricted(query: Query, pool: Sequence[str] | None) -> Query:
    """The query, asked of its pool only."""
    return query if pool is None else replace(query, filters={**query.filters, "id": list(pool)})


def completed(ranking: Ranking, pool: Sequence[str]) -> tuple[list[tuple[str, float]], int]:
    """The whole pool ranked, and how many documents of it were not found: these go last.

    Example:
        >>> completed([("a", 0.9), ("x", 0.8), ("b", 0.7)], ["c", "b", "a"])
        ([('a', 0.9), ('b', 0.7), ('c', -0.30000000000000004)], 1)
    """
    within = set(pool)
    found = [(document, score) for document, score in ranking if document in within]
    seen = {document for document, _ in found}
    last = min((score for _, score in found), default=0.0)
    missing = [document for document in pool if document not in seen]
    return found + [(document, last - place) for place, document in enumerate(missing, start=1)], len(missing)


def in_pools(qrels: Qrels, pools: Pools) -> Qrels:
    """The judgements of candidates: the best order of a pool holds nothing from outside it."""
    within = {query: set(pool) for query, pool in pools.items()}
    return {
        query: {document: grade for document, grade in grades.items() if document in within[query]}
        for query, grades in qrels.items()
    }


def _from_files(collection: Collection) -> dict[str, tuple[str, ...]]:
    folder = collection.path / "pools"
    pools: dict[str, list[str]] = {}
    for split in collection.splits:
        if not (file := folder / f"{split}.tsv").is_file():
            there = sorted(each.stem for each in folder.glob("*.tsv")) if folder.is_dir() else []
            raise ReadError(
                f"there is no file of pools for the split {split!r}",
                where=str(folder),
                choices=there,
                fix="put pools/<split>.tsv there, or take --pool judged",
            )
        for query, documents in read_pools(file).items():
            pools.setdefault(query, []).extend(documents)
    return {query: tuple(dict.fromkeys(documents)) for query, documents in pools.items()}


def _order(query: str) -> Callable[[str], bytes]:
    """Sorts documents of a query's pool by a hash: judged documents are often listed with the relevant ones first."""
    return lambda document: hashlib.sha256(f"{query}\0{document}".encode()).digest()
