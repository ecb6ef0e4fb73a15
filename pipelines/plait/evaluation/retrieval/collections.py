"""Test collections in the BEIR layout: a corpus, queries, and who judged what to be relevant.

::

    scifact/
    ├── corpus.jsonl     {"_id": ..., "title": ..., "text": ..., "metadata": {...}} a line
    ├── queries.jsonl    {"_id": ..., "text": ..., "metadata": {...}} a line
    ├── qrels/
    │   └── test.tsv     query-id <tab> corpus-id <tab> score, with that header; or TREC's four columns
    └── pools/           where only some documents are candidates for a query, see plait.evaluation.retrieval.pools

Thakur et al. 2021, *BEIR: a heterogeneous benchmark for zero-shot evaluation of information retrieval models*.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plait.contracts import Query
from plait.contracts.errors import ReadError

__all__ = ["Collection", "CollectionQuery", "Qrels", "json_lines", "load_collection", "numbered_lines", "read_qrels"]

Qrels = Mapping[str, Mapping[str, int]]
"""Query id -> document id -> relevance grade; relevant means above 0."""

QRELS_SUFFIXES = (".tsv", ".qrels", ".trec", ".txt")
"""How a file of judgements may end; a split is named by what stands before."""


@dataclass(frozen=True, slots=True)
class CollectionQuery:
    """A query of a collection (TREC calls it a topic), with what the collection says about it."""

    id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def query(self) -> Query:
        """The query as retrievers take it.

        Raises:
            QueryError: the text is blank or too long.
        """
        return Query(self.text)


@dataclass(frozen=True, slots=True)
class Collection:
    """One split of a test collection, or several together.

    Args:
        name: name of the folder.
        path: the folder, as the caller gave it.
        split: name of the judgement file without its suffix; of several ``dev+test``.
        queries: the judged queries in the order of ``queries.jsonl``.
        qrels: query id -> document id -> relevance, a whole number; relevant means above 0.
        document_ids: ids of all documents in ``corpus.jsonl``.
        absent: ids that are judged but not in the corpus. Their judgements are kept, as in every published
            figure: nobody can find these documents, so they lower recall.
        blank: documents of the corpus with neither title nor text; they hold nothing to index.
        unjudged: how many queries of ``queries.jsonl`` this split does not judge; they are not run.
        splits: each split's own judgements; one entry where one split was read.
    """

    name: str
    path: Path
    split: str
    queries: Mapping[str, CollectionQuery]
    qrels: Qrels
    document_ids: frozenset[str]
    absent: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()
    unjudged: int = 0
    splits: Mapping[str, Qrels] = field(default_factory=dict)

    @property
    def without_relevant(self) -> tuple[str, ...]:
        """Judged queries for which nothing is relevant: they count 0 for every system, as in trec_eval."""
        return tuple(
            query_id for query_id, judged in self.qrels.items() if not any(grade > 0 for grade in judged.values())
        )


def load_collection(path: str | Path, split: str | Sequence[str] | None = None) -> Collection:
    """Reads one split of a collection, or several as one.

    Args:
        path: folder that holds ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/``.
        split: which file of ``qrels/``, without its suffix, or several of them. By default ``test``, or the only one
            there is.

    Raises:
        ReadError: a folder, file or split is missing (the splits that exist are listed), a line is broken (the
            file and line are named), a judged query is not in ``queries.jsonl``, two splits judge a document
            differently for one query, or there is nothing in a file.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ReadError(
            "there is no such folder" if not folder.exists() else "this is not a folder",
            where=str(path),
            fix="name a folder with corpus.jsonl, queries.jsonl and qrels/",
        )
    wanted = [split] if isinstance(split, str) or split is None else list(dict.fromkeys(split))
    files = [_split_file(folder, name) for name in wanted]
    splits = {file.stem: read_qrels(file) for file in files}
    qrels = _together(splits, str(folder / "qrels"))
    is_blank = {identifier: _is_blank(record) for identifier, record in _records(folder / "corpus.jsonl")}
    queries: dict[str, CollectionQuery] = {}
    unjudged = 0
    for identifier, record in _records(folder / "queries.jsonl"):
        if identifier not in qrels:
            unjudged += 1
            continue
        text, metadata = record.get("text"), record.get("metadata") or {}
        if not isinstance(text, str) or not isinstance(metadata, dict):
            raise ReadError(
                f"query {identifier!r} needs a 'text' that is a string and a 'metadata' that is an object",
                where=str(folder / "queries.jsonl"),
            )
        queries[identifier] = CollectionQuery(identifier, text, metadata)
    lost = [query_id for query_id in qrels if query_id not in queries]
    if lost:
        raise ReadError(
            f"{len(lost)} judged queries are not in queries.jsonl: {_some(lost)}",
            where=str(folder / "qrels"),
            fix="the two files belong to different collections or versions: take both from the same one",
        )
    judged = dict.fromkeys(document for grades in qrels.values() for document in grades)
    return Collection(
        name=folder.resolve().name,
        path=folder,
        split="+".join(splits),
        queries=queries,
        qrels=qrels,
        document_ids=frozenset(is_blank),
        absent=tuple(document for document in judged if document not in is_blank),
        blank=tuple(document for document, blank in is_blank.items() if blank),
        unjudged=unjudged,
        splits=splits,
    )


def _together(splits: Mapping[str, Qrels], where: str) -> Qrels:
    """The judgements of several splits; a query may be in more than one."""
    if len(splits) == 1:
        return next(iter(splits.values()))
    qrels: dict[str, dict[str, int]] = {}
    for name, judged in splits.items():
        for query, grades in judged.items():
            known = qrels.setdefault(query, {})
            for document, grade in grades.items():
                if known.setdefault(document, grade) != grade:
                    raise ReadError(
                        f"document {document!r} is judged {known[document]} and, in split {name!r}, {grade} for query "
                        f"{query!r}",
                        where=where,
                        fix="evaluate these splits one at a time",
                    )
    return qrels


def _is_blank(record: Mapping[str, Any]) -> bool:
    """Whether a document has neither title nor text."""
    return not any(str(record.get(key) or "").strip() for key in ("title", "text"))


def _split_file(folder: Path, split: str | None) -> Path:
    """The judgement file of a split; without a name ``test``, or the only one."""
    place = folder / "qrels"
    if not place.is_dir():
        raise ReadError("there is no folder qrels/", where=str(folder), fix="put the judgements into qrels/<split>.tsv")
    files = sorted(file for file in place.iterdir() if file.suffix in QRELS_SUFFIXES and file.is_file())
    if not files:
        raise ReadError("there is no judgement file here", where=str(place), fix="put one there, such as test.tsv")
    if split is None and len({file.stem for file in files}) == 1:
        split = files[0].stem
    split = split or "test"
    for suffix in QRELS_SUFFIXES:
        if (chosen := place / f"{split}{suffix}") in files:
            return chosen
    raise ReadError(
        f"there is no split {split!r}",
        where=str(place),
        choices=dict.fromkeys(file.stem for file in files),
        fix="name one of them with --split",
    )


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and record of every line of a JSON-lines file; ids are unique and not empty."""
    seen: set[str] = set()
    for where, record in json_lines(path, fix="a collection needs this file"):
        identifier = record.get("_id")
        if not isinstance(identifier, str | int) or isinstance(identifier, bool) or identifier == "":
            raise ReadError("this line has no '_id'", where=where, fix='a line is {"_id": "...", ...}')
        if (name := str(identifier)) in seen:
            raise ReadError(f"the id {name!r} is here twice", where=where, fix="ids must be unique")
        seen.add(name)
        yield name, record
    if not seen:
        raise ReadError("this file is empty", where=str(path), fix="a collection needs at least one record in it")


def _some(ids: list[str], count: int = 5) -> str:
    """The first few ids, and that there are more."""
    return ", ".join(ids[:count]) + (", ..." if len(ids) > count else "")


def read_qrels(path: str | Path) -> Qrels:
    """Reads judgements.

    Two layouts are told apart by the first line: BEIR's three tab-separated columns ``query-id corpus-id score``
    (usually under a header), and TREC's four columns ``query iteration document relevance`` between blanks.
    A grade is a whole number and may be written as ``1`` or ``1.0``.

    Raises:
        ReadError: the file is missing, empty or not UTF-8; a line is broken, or judges a pair again and
            differently. The message names file and line.
    """
    qrels: dict[str, dict[str, int]] = {}
    trec: bool | None = None
    for where, line in numbered_lines(path):
        if trec is None:
            trec = "\t" not in line or len(line.split("\t")) == 4
            if not trec and _is_header(line):
                continue
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


def json_lines(path: str | Path, fix: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place (file and line number) and record of each line that is not blank.

    Raises:
        ReadError: as for :func:`numbered_lines`, or a line is not a JSON object.
    """
    for where, line in numbered_lines(path, fix):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ReadError(f"this line is not JSON ({error})", where=where) from error
        if not isinstance(record, dict):
            raise ReadError("this line is not a JSON object", where=where)
        yield where, record


def numbered_lines(path: str | Path, fix: str | None = None) -> Iterator[tuple[str, str]]:
    """Place (file and line number) and text of each line that is not blank.

    Raises:
        ReadError: the file cannot be read, which ``fix`` may help with, or is not UTF-8.
    """
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path}:{number}", line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise ReadError(f"this file is not UTF-8 ({error})", where=str(path), fix="convert it to UTF-8") from error
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})", where=str(path), fix=fix) from error
