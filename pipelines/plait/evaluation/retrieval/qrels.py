"""Relevance judgements (qrels), as BEIR or TREC write them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from plait.contracts.errors import ReadError

__all__ = ["Qrels", "read_qrels"]

Qrels = Mapping[str, Mapping[str, int]]
"""Query id -> document id -> relevance grade; relevant means above 0."""


def read_qrels(path: str | Path) -> Qrels:
    """Reads judgements.

    Two layouts are told apart by the first line: BEIR's three tab-separated columns ``query-id corpus-id score``
    (usually under a header), and TREC's four columns ``query iteration document relevance`` between blanks.
    A grade is a whole number and may be written as ``1`` or ``1.0``.

    Raises:
        ReadError: the file is missing, empty or not UTF-8; a line is broken, or judges a pair again and
            differently. The message names file and line.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ReadError(f"this file is not UTF-8 ({error})", where=str(path), fix="convert it to UTF-8") from error
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})", where=str(path)) from error
    qrels: dict[str, dict[str, int]] = {}
    trec: bool | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if trec is None:
            trec = "\t" not in line or len(line.split("\t")) == 4
            if not trec and _is_header(line):
                continue
        where = f"{path}:{number}"
        query, document, grade = _columns(line, trec, where)
        known = qrels.setdefault(query, {}).setdefault(document, grade)
        if known != grade:
            raise ReadError(
                f"document {document!r} is judged {known} and {grade} for query {query!r}",
                where=where,
                fix="keep one of the two lines",
            )
    if not qrels:
        raise ReadError("this file holds no judgement", where=str(path), fix="a line is: query, document, grade")
    return qrels


def _is_header(line: str) -> bool:
    """Whether the last column is a word, as in ``query-id corpus-id score``."""
    return line.split("\t")[-1].strip().isalpha()


def _columns(line: str, trec: bool, where: str) -> tuple[str, str, int]:
    """Query, document and grade of one line."""
    columns = line.split() if trec else [column.strip() for column in line.split("\t")]
    wanted = 4 if trec else 3
    if len(columns) != wanted or not all(columns):
        layout = "query iteration document grade (TREC)" if trec else "query <tab> document <tab> grade (BEIR)"
        raise ReadError(f"this line is broken: {line[:80]!r}", where=where, fix=f"write {layout}")
    query, document, text = columns[0], columns[-2], columns[-1]
    try:
        grade = float(text)
    except ValueError:
        grade = math.nan
    if not math.isfinite(grade) or grade != int(grade):
        raise ReadError(f"the grade {text!r} is not a whole number", where=where, fix="write 0, 1, 2, ... or 1.0")
    return query, document, int(grade)
