"""Runs: which documents a system found for each query, in the six columns TREC has used since 1992."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from plait.contracts import Hit
from plait.contracts.errors import PlaitError, ReadError
from plait.evaluation.retrieval.collections import numbered_lines

__all__ = ["Ranking", "Run", "check_ids", "documents_of", "read_run", "write_run"]

Ranking = Sequence[tuple[str, float]]
"""Documents and their scores, best first, each document once."""

Run = Mapping[str, Ranking]
"""Query id -> ranking."""


def documents_of(hits: Iterable[Hit], exclude: Iterable[str] = ()) -> list[tuple[str, float]]:
    """Passages to documents: a document's score is that of its best passage (Dai and Callan 2019, *MaxP*).

    Documents with equal scores stay in the order in which the hits came.

    Args:
        hits: found passages.
        exclude: documents to leave out, such as the paper that is itself the query.

    Raises:
        PlaitError: a score is not a finite number.

    Example:
        >>> documents_of([Hit("a#0", "a", .9, 0), Hit("b#0", "b", .8, 2), Hit("a#1", "a", .7, 1)])
        [('a', 0.9), ('b', 0.8)]
        >>> documents_of([Hit("a#0", "a", .9, 0), Hit("b#0", "b", .8, 2)], exclude={"a"})
        [('b', 0.8)]
    """
    left_out = frozenset(exclude)
    best: dict[str, float] = {}
    for hit in hits:
        if not math.isfinite(hit.score):
            raise PlaitError(
                f"the passage {hit.passage_id!r} was returned with the score {hit.score}",
                fix="a retriever, fusion or ranker must give finite scores",
            )
        if hit.document_id not in left_out:
            best[hit.document_id] = max(hit.score, best.get(hit.document_id, -math.inf))
    return sorted(best.items(), key=lambda pair: -pair[1])


def check_ids(ids: Iterable[str]) -> None:
    """Refuses ids that six columns between blanks cannot hold.

    They are refused rather than escaped: an escaped id no longer matches the judgements that other tools hold.

    Raises:
        PlaitError: an id is empty or contains a blank.
    """
    for identifier in ids:
        if not identifier or len(identifier.split()) != 1 or identifier != identifier.strip():
            raise PlaitError(
                f"a TREC run cannot hold the id {identifier!r}",
                fix="rename ids that are empty or contain blanks, or leave the run out and take the JSON",
            )


def write_run(path: str | Path, run: Run, tag: str) -> None:
    """Writes ``query Q0 document rank score tag``, one line a document; the file appears whole or not at all.

    Tools in the line of trec_eval ignore the rank and sort by score, held in single precision, and break ties by
    document id. So that every one of them measures the order the system returned, a score that is not below the
    one before it (in single precision) is written as the next lower single-precision number.

    Args:
        path: the file; it is replaced.
        run: the rankings.
        tag: name of the system, without blanks.

    Raises:
        PlaitError: an id or the tag contains a blank, or the file cannot be written.
    """
    check_ids([tag, *run, *(document for ranking in run.values() for document, _ in ranking)])
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for query, ranking in run.items():
                scores = _falling([score for _, score in ranking])
                for rank, ((document, _), score) in enumerate(zip(ranking, scores, strict=True), start=1):
                    file.write(f"{query} Q0 {document} {rank} {score} {tag}\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise PlaitError(
            f"cannot be written ({error.strerror})", where=str(path), fix="name a file in a folder you can write to"
        ) from error


def read_run(path: str | Path) -> dict[str, list[tuple[str, float]]]:
    """Reads a TREC run; rankings are by score, equal scores by the rank column.

    Raises:
        ReadError: the file cannot be read or is empty, or a line is broken or names a document of its query
            again. The message names file and line.
    """
    rows: dict[str, dict[str, tuple[float, int]]] = {}
    for where, line in numbered_lines(path):
        try:
            query, _, document, rank, score, _ = line.split()
            place = (-float(score), int(rank))
        except ValueError as error:
            raise ReadError(
                f"this line is broken: {line[:80]!r}", where=where, fix="write: query Q0 document rank score tag"
            ) from error
        if not math.isfinite(place[0]):
            raise ReadError(f"the score {score} is not a finite number", where=where)
        if document in rows.setdefault(query, {}):
            raise ReadError(f"document {document!r} is here twice for query {query!r}", where=where)
        rows[query][document] = place
    if not rows:
        raise ReadError("this file holds no ranking", where=str(path))
    return {
        query: [(document, -found[document][0]) for document in sorted(found, key=found.__getitem__)]
        for query, found in rows.items()
    }


def _falling(scores: Sequence[float]) -> list[float]:
    """The scores in single precision, each strictly below the one before.

    Example:
        >>> _falling([0.5, 0.5, 0.25])
        [0.5, 0.4999999701976776, 0.25]
    """
    falling: list[float] = []
    before = np.float32(np.inf)
    for score in scores:
        before = min(np.float32(score), np.nextafter(before, np.float32(-np.inf)))
        falling.append(float(before))
    return falling
