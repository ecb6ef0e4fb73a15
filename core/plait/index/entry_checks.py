"""What may enter the index. Everything is checked before the first row is written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, get_args, get_type_hints

import numpy as np

from plait.contracts.document import Document, Edge
from plait.contracts.errors import DocumentError, IndexStoreError, ModelError
from plait.contracts.passage import Passage
from plait.contracts.retriever import Column, ColumnValues
from plait.index.tables import column_table

__all__ = [
    "NORM_TOLERANCE",
    "check_column",
    "check_documents",
    "check_edges",
    "check_passages",
    "check_values",
    "declared_columns",
    "edge_fault",
    "origin",
    "place_of",
]

NORM_TOLERANCE = 1e-3
"""How far the length of a stored vector may be from 1."""

_DECODE = "decode its file with the right encoding"
_KINDS = get_args(get_type_hints(Passage)["kind"])


def check_documents(documents: Sequence[Document]) -> None:
    """Ids are there, of one line, and none twice; ids and texts can be stored.

    Raises:
        DocumentError: names the documents and where they came from.
    """
    seen: dict[str, Document] = {}
    for document in documents:
        if not document.id.strip():
            raise DocumentError("a document without an id", where=origin(document), fix="have its reader give it one")
        if not _encodable(document.id):
            raise DocumentError(
                f"the id {document.id!r} holds half a surrogate pair",
                where=origin(document),
                fix=_DECODE,
            )
        if "\0" in document.id or document.id.splitlines() != [document.id]:
            raise DocumentError(
                f"the id {document.id!r} holds a NUL or a line break",
                where=origin(document),
                fix="rename its file, or have its reader give it an id of one line",
            )
        for part, text in (("title", document.title), ("text", document.text)):
            if not _encodable(text):
                raise DocumentError(
                    f"the {part} of document {document.id!r} holds half a surrogate pair",
                    where=origin(document),
                    fix=_DECODE,
                )
        other = seen.setdefault(document.id, document)
        if other is not document:
            raise DocumentError(
                f"two documents with the id {document.id!r}",
                where=f"{origin(other)} and {origin(document)}",
                fix="give one of them another id",
            )


def check_passages(documents: Sequence[Document], passages: Sequence[Passage]) -> None:
    """Each passage belongs to one of ``documents``, opens to its text, and is numbered in reading order.

    Raises:
        DocumentError: names the passage and what is wrong with it.
    """
    by_id = {document.id: document for document in documents}
    expected = dict.fromkeys(by_id, 0)
    for passage in passages:
        document = by_id.get(passage.document_id)
        if document is None:
            raise _wrong(passage, f"its document {passage.document_id!r} is not in the same batch")
        ordinal = expected[document.id]
        expected[document.id] += 1
        if passage.ordinal != ordinal:
            raise _wrong(passage, f"its ordinal is {passage.ordinal} where {ordinal} comes next")
        if passage.id != f"{document.id}#{ordinal}":
            raise _wrong(passage, f"its id should be {document.id}#{ordinal}")
        if passage.kind not in _KINDS:
            raise _wrong(passage, f"its kind is {passage.kind!r}, not one of {', '.join(_KINDS)}")
        if not 0 <= passage.start < passage.end <= len(document.text):
            raise _wrong(
                passage, f"its span {passage.start}-{passage.end} is not inside 0-{len(document.text)}, or empty"
            )
        if document.text[passage.start : passage.end] != passage.text:
            raise _wrong(passage, "its text is not what stands at its span in the document")
        if not _encodable(passage.text) or not _encodable(passage.context):
            raise _wrong(passage, "its text holds half a surrogate pair")


def check_edges(edges: Iterable[Edge], sources: AbstractSet[str]) -> None:
    """Each edge is stated by one of the documents ``sources``, and can be stored.

    Raises:
        DocumentError: names the edge and what is wrong with it.
    """
    for edge in edges:
        fault = edge_fault(edge)
        if edge.source not in sources:
            fault = "it is stated by a document that is not in the same batch"
        if fault:
            raise DocumentError(fault, where=f"edge {edge}", fix="correct what links the documents")


def edge_fault(edge: Edge) -> str:
    """What is wrong with an edge taken alone; empty when it is sound."""
    if not edge.relation:
        return "it has no relation"
    if not 0.0 <= edge.confidence <= 1.0:  # written so that NaN is wrong as well
        return f"its confidence {edge.confidence} is not between 0 and 1"
    if not all(map(_encodable, (edge.relation, edge.target, edge.label))):
        return "its text holds half a surrogate pair"
    return ""


def check_column(column: Column) -> None:
    """A column of vectors has a dimension.

    Raises:
        IndexStoreError: it has none.
    """
    if column.kind in ("vector", "tokens") and (column.dimension is None or column.dimension < 1):
        raise IndexStoreError(
            f"the {column.kind} column {column.name!r} has dimension {column.dimension}",
            fix=f"declare Column(name, {column.kind!r}, dimension)",
        )


def declared_columns(columns: Iterable[Column], where: str) -> dict[str, Column]:
    """Columns by name.

    Raises:
        IndexStoreError: two columns with one name, an impossible name, or a vector column without dimension.
    """
    declared: dict[str, Column] = {}
    for column in columns:
        column_table(column.name)
        check_column(column)
        if declared.setdefault(column.name, column) != column:
            raise IndexStoreError(
                f"two retrievers declare a column {column.name!r}, as {declared[column.name]} and {column}",
                where=where,
                fix="give one of them another name",
            )
    return declared


def check_values(column: Column, values: ColumnValues, rows: int, names: Sequence[str]) -> None:
    """One value per row, of the column's kind; vectors are finite and of length 1, those of tokens as well.

    Args:
        column: what was declared.
        values: what was delivered.
        rows: how many values there must be.
        names: the passage of each row, for messages.

    Raises:
        ModelError: a value cannot be stored; names the column and the first wrong passage.

    Example:
        >>> check_values(Column("year", "number"), [2009.0, float("nan")], 2, ["a#0", "b#0"])
        Traceback (most recent call last):
        ...
        plait.contracts.errors.ModelError: column 'year', passage 'b#0': a number that is not finite. Fix: correct the \
retriever or embedder that fills it.
    """
    if len(values) != rows:
        raise _unusable(column, f"{len(values)} values for {rows} passages")
    if column.kind == "vector":
        _check_vectors(column, values, names)
    elif column.kind == "tokens":
        for name, vectors in zip(names, values, strict=True):
            if np.ndim(vectors) != 2 or np.shape(vectors)[1] != column.dimension:
                raise _unusable(column, f"shape {np.shape(vectors)} where (tokens, {column.dimension}) is needed", name)
            _check_vectors(column, vectors, [name] * len(vectors))
    elif column.kind == "number":
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != (rows,):
            raise _unusable(column, f"shape {numbers.shape} where ({rows},) is needed")
        if not np.isfinite(numbers).all():
            raise _unusable(column, "a number that is not finite", names[int(np.argmin(np.isfinite(numbers)))])
    elif column.kind == "text":
        for name, value in zip(names, values, strict=True):
            if not isinstance(value, str) or not _encodable(value):
                raise _unusable(column, f"{value!r} where text is needed", name)
    else:
        for name, value in zip(names, values, strict=True):
            _check_bag(column, value, name)


def origin(document: Document) -> str:
    """Where a document came from, for messages."""
    if document.source is None:
        return f"document {document.id!r}"
    part = f" ({document.source.part})" if document.source.part else ""
    # File names on Unix may be no text at all; a message must be printable all the same.
    return f"{document.source.uri}{part}".encode(errors="backslashreplace").decode()


def place_of(document: Document) -> tuple[tuple[str, str] | None, str]:
    """Where a document came from: to compare, and for messages."""
    source = document.source
    return (None if source is None else (source.uri, source.part)), origin(document)


def _check_vectors(column: Column, values: Any, names: Sequence[str]) -> None:
    vectors = np.asarray(values)
    if vectors.shape != (len(names), column.dimension):
        raise _unusable(column, f"shape {vectors.shape} where ({len(names)}, {column.dimension}) is needed")
    if vectors.dtype.kind != "f":
        raise _unusable(column, f"type {vectors.dtype} where floats are needed")
    norms = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    wrong = ~(np.abs(norms - 1.0) <= NORM_TOLERANCE)  # written so that NaN is wrong as well
    if wrong.any():
        row = int(np.argmax(wrong))
        what = f"length {norms[row]:.4f}" if np.isfinite(norms[row]) else "values that are not finite"
        raise _unusable(column, f"a vector with {what} where length 1 is needed", names[row])


def _check_bag(column: Column, bag: Any, name: str) -> None:
    if not isinstance(bag, Mapping):
        raise _unusable(column, f"{bag!r} where a mapping from term to weight is needed", name)
    for term, weight in bag.items():
        if not isinstance(term, str) or not _encodable(term):
            raise _unusable(column, f"the term {term!r}, which is not text", name)
        if not isinstance(weight, int | float | np.number) or not math.isfinite(weight):
            raise _unusable(column, f"the weight {weight!r} of {term!r}, which is not a finite number", name)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong(passage: Passage, what: str) -> DocumentError:
    return DocumentError(
        what, where=f"passage {passage.id!r} of document {passage.document_id!r}", fix="correct the chunker"
    )


def _unusable(column: Column, what: str, name: str | None = None) -> ModelError:
    return ModelError(
        what,
        where=f"column {column.name!r}" + (f", passage {name!r}" if name else ""),
        fix="correct the retriever or embedder that fills it",
    )
