"""Every invariant of a commit, checked against what is really on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plait.contracts.document import Document, Edge
from plait.contracts.errors import IndexCorruptError, IndexFormatError, IndexStoreError, PlaitError
from plait.contracts.retriever import Column
from plait.index.codec import content_hash, document_from_json, metadata_to_json
from plait.index.commit import Commit
from plait.index.entry_checks import NORM_TOLERANCE, edge_fault
from plait.index.folder import Folder
from plait.index.models import MODELS, is_whole, model_folder, models_of
from plait.index.store import Store
from plait.index.tables import DOCUMENTS, EDGES, PASSAGES, column_table

__all__ = ["Finding", "check_commit"]

_SHOWN = 3
_BETWEEN_DOCUMENTS = ("cites", "same_as")
_REBUILD = "roll back to a whole commit with 'plait index rollback', or run 'plait index rebuild'"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with an index.

    Attributes:
        severity: ``error`` when answers may be wrong, ``warning`` when only the history or speed suffers.
        table: the table, or ``index.json`` or ``commits``.
        what: what is wrong.
        where: the rows, documents or commits it was seen in.
        fix: what to do about it.
    """

    severity: Literal["error", "warning"]
    table: str
    what: str
    where: str
    fix: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.table}: {self.what} ({self.where}). Fix: {self.fix}."

    def to_json(self) -> dict[str, str]:
        """The finding as JSON values."""
        names = ("severity", "table", "what", "where", "fix")
        return {name: str(getattr(self, name)) for name in names}


def check_commit(folder: Folder, store: Store, commit: Commit) -> list[Finding]:
    """Checks a commit whole, and of the other kept commits that their tables are there. No findings is good."""
    findings = [*_history(folder, store, commit), *_models(folder, commit)]
    try:
        if commit.tables:
            findings += _Check(store, commit).findings()
        elif commit.columns or any(commit.counts.values()):
            findings.append(_error("index.json", "counts or columns without tables", f"commit {commit.number}"))
    except IndexCorruptError as error:
        findings.append(Finding("error", error.where or "tables", error.message, f"commit {commit.number}", _REBUILD))
    return findings


def _history(folder: Folder, store: Store, commit: Commit) -> Iterator[Finding]:
    for number in sorted(folder.numbers()):
        if number >= commit.number:
            continue
        try:
            for name, version in folder.past(number).tables.items():
                store.open(name, version)
        except IndexStoreError as error:
            yield Finding("warning", "commits", error.message, f"commit {number}", f"delete commits/{number}.json")


def _models(folder: Folder, commit: Commit) -> Iterator[Finding]:
    for name in models_of(commit):
        train = f"bring it back, or run 'plait train {name}' again"
        try:
            place = model_folder(folder.path, commit, name)
        except IndexFormatError as error:
            yield Finding("error", MODELS, error.message, f"commit {commit.number}", train)
            continue
        if place is None or not place.is_dir():
            yield Finding("error", MODELS, f"the trained model {name!r} is missing", str(place), train)
        elif not is_whole(place):
            what = f"the files of the trained model {name!r} are not those that were stored"
            yield Finding("error", MODELS, what, str(place), train)


class _Check:
    """Checks the tables of one commit against each other."""

    def __init__(self, store: Store, commit: Commit) -> None:
        self._store = store
        self._commit = commit

    def findings(self) -> Iterator[Finding]:
        """All findings, table by table."""
        documents = self._read(DOCUMENTS, ["id"])["id"].to_pylist()
        passages = self._read(PASSAGES, ["id", "document_id", "ordinal", "start", "end", "text"])
        yield from self._counts(len(documents), passages.num_rows)
        yield from _unique(DOCUMENTS, documents)
        yield from self._passages(passages, documents)
        if EDGES in self._commit.tables:
            yield from self._edges(set(documents))
        for column in self._commit.columns.values():
            yield from self._column(column, passages)
        if passages.num_rows and self._commit.columns and not self._commit.identity:
            yield _error("index.json", "no identity says what the columns were made with", self._where)

    @property
    def _where(self) -> str:
        return f"commit {self._commit.number}"

    def _read(self, name: str, columns: Sequence[str]) -> Any:
        if name not in self._commit.tables:
            raise IndexCorruptError("the commit names no such table", where=name)
        return self._store.read(self._store.open(name, self._commit.tables[name]), columns)

    def _counts(self, documents: int, passages: int) -> Iterator[Finding]:
        for name, rows in ((DOCUMENTS, documents), (PASSAGES, passages)):
            if rows != self._commit.counts[name]:
                yield _error(name, f"{rows} rows, the commit counts {self._commit.counts[name]}", self._where)

    def _passages(self, passages: Any, documents: Sequence[str]) -> Iterator[Finding]:
        """Ids, owners, and each document with its passages: hashes, ordinals, spans."""
        ids = passages["id"].to_pylist()
        yield from _unique(PASSAGES, ids)
        rows_of: dict[str, list[int]] = {document_id: [] for document_id in documents}
        orphans = []
        for row, document_id in enumerate(passages["document_id"].to_pylist()):
            if document_id in rows_of:
                rows_of[document_id].append(row)
            else:
                orphans.append(ids[row])
        yield from _if_any(PASSAGES, "passages of documents that are not stored", orphans)
        wrong: dict[tuple[str, str], list[str]] = {}
        table = self._store.open(DOCUMENTS, self._commit.tables[DOCUMENTS])
        for record in self._store.records(table, ["id", "title", "metadata", "document", "content_hash"]):
            for place, what, where in _document(record, passages, rows_of[record["id"]]):
                wrong.setdefault((place, what), []).append(where)
        for (place, what), places in wrong.items():
            yield from _if_any(place, what, places)

    def _edges(self, documents: Set[str]) -> Iterator[Finding]:
        names = ["source", "relation", "target", "confidence", "label"]
        rows = self._read(EDGES, names)
        edges = [Edge(*cells) for cells in zip(*(rows[name].to_pylist() for name in names), strict=True)]
        yield from _if_any(
            EDGES,
            "edges of documents that are not stored",
            [edge.source for edge in edges if edge.source not in documents],
        )
        yield from _if_any(EDGES, "edges that are no facts", [edge.source for edge in edges if edge_fault(edge)])
        twice = [f"{edge.source} {edge.relation} {edge.target}" for edge, n in Counter(edges).items() if n > 1]
        yield from _if_any(EDGES, "edges that occur twice", twice)
        gone = [
            f"{edge.source} {edge.relation} {edge.target}"
            for edge in edges
            if edge.relation in _BETWEEN_DOCUMENTS and edge.target and edge.target not in documents
        ]
        for found in _if_any(EDGES, "edges to documents that are not stored", gone):
            # A run that was stopped half way leaves these until it is completed.
            yield Finding("warning", EDGES, found.what, found.where, "run 'plait index add' again")

    def _column(self, column: Column, passages: Any) -> Iterator[Finding]:
        name = column_table(column.name)
        parts = ["terms", "weights"] if column.kind == "sparse" else ["value"]
        rows = self._read(name, ["passage_id", "document_id", *parts])
        ids = rows["passage_id"].to_pylist()
        yield from _unique(name, ids)
        owners = dict(zip(passages["id"].to_pylist(), passages["document_id"].to_pylist(), strict=True))
        yield from _if_any(name, "passages without a value", sorted(owners.keys() - set(ids)))
        yield from _if_any(name, "values of passages that are not stored", sorted(set(ids) - owners.keys()))
        wrong = [
            passage_id
            for passage_id, document_id in zip(ids, rows["document_id"].to_pylist(), strict=True)
            if owners.get(passage_id, document_id) != document_id
        ]
        yield from _if_any(name, "values filed under another document", wrong)
        yield from _values(name, column, rows, ids)


def _document(record: Mapping[str, Any], passages: Any, rows: Sequence[int]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with one document and its passages, as (table, what, where)."""
    name = record["id"]
    try:
        document = document_from_json(record["document"])
        hashed = content_hash(document)
    except PlaitError:
        yield DOCUMENTS, "stored documents that cannot be read", name
        return
    if (document.id, document.title, metadata_to_json(document)) != (name, record["title"], record["metadata"]):
        yield DOCUMENTS, "id, title or metadata beside a document that are not its own", name
    if hashed != record["content_hash"]:
        yield DOCUMENTS, "content hashes that do not match their document", name
    yield from _spans(document, passages, rows)


def _spans(document: Document, passages: Any, rows: Sequence[int]) -> Iterator[tuple[str, str, str]]:
    ordinals = []
    for row in rows:
        passage_id, ordinal, start, end, text = (
            passages[part][row].as_py() for part in ("id", "ordinal", "start", "end", "text")
        )
        ordinals.append(ordinal)
        if passage_id != f"{document.id}#{ordinal}":
            yield PASSAGES, "passages whose id is not document#ordinal", passage_id
        if not 0 <= start < end <= len(document.text) or document.text[start:end] != text:
            yield PASSAGES, "spans that do not open to their passage", passage_id
    if sorted(ordinals) != list(range(len(ordinals))):
        yield PASSAGES, "documents whose passages are not numbered 0, 1, 2, ...", document.id


def _values(name: str, column: Column, rows: Any, ids: Sequence[str]) -> Iterator[Finding]:
    """Values that should never have been stored."""
    start = 0
    wrong: list[str] = []
    for batch in rows.to_batches():
        bad = _bad(column, batch)
        wrong += [ids[start + row] for row in np.flatnonzero(bad).tolist()]
        start += batch.num_rows
    what = {
        "vector": "vectors that are not finite and of length 1",
        "tokens": "passages with a token's vector that is not finite and of length 1",
        "sparse": "terms without a finite weight each, or twice in one passage",
        "number": "numbers that are not finite",
        "text": "missing texts",
    }
    yield from _if_any(name, what[column.kind], wrong)


def _bad(column: Column, batch: Any) -> NDArray[np.bool_]:
    """Which rows of a batch hold a bad value, shape (rows,)."""
    rows = batch.num_rows
    if column.kind == "vector":
        return _bad_vectors(column, batch["value"])
    if column.kind == "tokens":
        cells = batch["value"]
        if cells.null_count:
            return np.ones(rows, dtype=np.bool_)
        owners = np.repeat(np.arange(rows), cells.value_lengths().to_numpy(zero_copy_only=False))
        return np.bincount(owners[_bad_vectors(column, cells.flatten())], minlength=rows) > 0
    if column.kind == "sparse":
        pairs = zip(batch["terms"].to_pylist(), batch["weights"].to_pylist(), strict=True)
        return np.array(
            [
                len(terms) != len(weights) or len(set(terms)) != len(terms) or not np.isfinite(weights).all()
                for terms, weights in pairs
            ],
            dtype=np.bool_,
        )
    if column.kind == "number":
        numbers: NDArray[np.float64] = batch["value"].to_numpy(zero_copy_only=False)
        return ~np.isfinite(numbers)
    return np.asarray(batch["value"].is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)


def _bad_vectors(column: Column, cells: Any) -> NDArray[np.bool_]:
    """Which cells of an Arrow list array hold no vector of the column's width, finite and of length 1."""
    if cells.null_count or cells.type.list_size != column.dimension:
        return np.ones(len(cells), dtype=np.bool_)
    vectors = cells.flatten().to_numpy(zero_copy_only=False).reshape(len(cells), -1)
    norms = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    wrong: NDArray[np.bool_] = ~(np.abs(norms - 1.0) <= NORM_TOLERANCE)
    return wrong


def _unique(table: str, ids: Sequence[str]) -> Iterator[Finding]:
    twice = sorted(name for name, count in Counter(ids).items() if count > 1)
    yield from _if_any(table, "ids that occur twice", twice)


def _if_any(table: str, what: str, where: Iterable[str]) -> Iterator[Finding]:
    places = list(where)
    if places:
        shown = ", ".join(places[:_SHOWN])
        more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
        yield _error(table, f"{len(places):,} {what}", shown + more)


def _error(table: str, what: str, where: str) -> Finding:
    return Finding("error", table, what, where, _REBUILD)
