"""Questions with answers to learn from, out of a JSON Lines file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from plait.contracts.errors import ReadError

__all__ = ["Pair", "read_pairs"]


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

    Questions without an answer are passed over.

    Raises:
        ReadError: the file cannot be read, or a line is no such object; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # some editors put a byte order mark first
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"cannot be read ({error})", where=str(path), fix="name a JSON Lines file") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ReadError(f"no JSON: {error}", where=where, fix="one object a line") from error
        asked = record.get("question", record.get("text")) if isinstance(record, Mapping) else None
        if not isinstance(asked, str) or not asked.strip():
            raise ReadError("no question", where=where, fix='write {"question": "...", "answer": "..."}')
        documents = record.get("documents") or ()
        if not isinstance(documents, list | tuple) or not all(isinstance(one, str) for one in documents):
            raise ReadError("'documents' is no list of ids", where=where, fix='write "documents": ["a-document\'s-id"]')
        if isinstance(answer := record.get("answer"), str) and answer.strip():
            found.append(Pair(asked, answer, tuple(documents)))
    return found
