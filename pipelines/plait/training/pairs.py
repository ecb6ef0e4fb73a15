"""Questions with answers to learn from, out of a JSON Lines file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Query
from plait.contracts.errors import QueryError, ReadError
from plait.evaluation.retrieval.collections import json_lines

__all__ = ["Pair", "folds_of", "read_pairs", "same_questions"]

_EXAMPLE = '{"question": "...", "answer": "...", "documents": ["ID", ...]}'


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with its answer.

    Args:
        question: as users ask it.
        answer: what is right.
        documents: ids of the documents that hold the answer, where somebody has said so.
    """

    question: str
    answer: str
    documents: tuple[str, ...] = ()


def read_pairs(path: Path) -> list[Pair]:
    """An object a line, with ``question`` (or ``text``), ``answer``, and where known ``documents``, a list of ids.

    Questions without an answer are passed over, and what is there twice counts once.

    Raises:
        ReadError: the file cannot be read, a line is no such object, or no question has an answer; names the line.
    """
    found = [
        pair
        for where, record in json_lines(path, fix="name a JSON Lines file")
        if (pair := _pair(record, where)) is not None
    ]
    if not found:
        raise ReadError("no question has an answer", where=str(path), fix=f"write {_EXAMPLE} on a line")
    return list(dict.fromkeys(found))


def _pair(record: Mapping[str, Any], where: str) -> Pair | None:
    def refused(what: str) -> ReadError:
        return ReadError(what, where=where, fix=f"write {_EXAMPLE}")

    asked = record.get("question", record.get("text"))
    if not isinstance(asked, str) or not asked.strip():
        raise refused("no question")
    documents, answer = record.get("documents") or (), record.get("answer")
    if not isinstance(documents, list | tuple) or not all(isinstance(one, str) and one for one in documents):
        raise refused("'documents' is no list of ids")
    if answer is not None and not isinstance(answer, str):
        raise refused(f"the answer is no text but {type(answer).__name__}")
    try:
        Query(asked)
        "".join([answer or "", *documents]).encode()
    except QueryError as error:
        raise refused(error.message) from error
    except UnicodeEncodeError as error:
        raise refused("the answer or an id holds half a character") from error
    return Pair(asked, answer, tuple(documents)) if answer is not None and answer.strip() else None


def same_questions(pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """A number for each pair, shape (pairs,): pairs of one question, whatever its case and spaces, have the same.

    Example:
        >>> same_questions([Pair("Why?", "a"), Pair("How?", "b"), Pair("why? ", "c")]).tolist()
        [0, 1, 0]
    """
    numbers: dict[str, int] = {}
    own = [numbers.setdefault(" ".join(pair.question.lower().split()), len(numbers)) for pair in pairs]
    return np.array(own, dtype=np.int64)


def folds_of(pairs: Sequence[Pair], folds: int, seed: Sequence[int]) -> NDArray[np.int64]:
    """Which of so many equal parts each pair is in, shape (pairs,), at random; pairs of one question stay together.

    Example:
        >>> folds = folds_of([Pair("Why?", "a"), Pair("How?", "b"), Pair("why?", "c")], 2, [0])
        >>> bool(folds[0] == folds[2] != folds[1])
        True
    """
    same = same_questions(pairs)
    order = np.random.default_rng(seed).permutation(int(same.max(initial=-1)) + 1)
    found: NDArray[np.int64] = (order % folds)[same]
    return found
