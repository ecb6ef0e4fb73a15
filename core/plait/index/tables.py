"""What the tables hold: their Arrow schemas, and the rows that documents, passages and values become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plait.contracts.document import Document, Edge
from plait.contracts.errors import IndexStoreError
from plait.contracts.passage import Passage
from plait.contracts.retriever import Column, ColumnValues
from plait.index.codec import content_hash, document_to_json, metadata_to_json
from plait.index.commit import TABLE_NAME

__all__ = [
    "DOCUMENTS",
    "EDGES",
    "PASSAGES",
    "batch_rows",
    "column_rows",
    "column_table",
    "document_rows",
    "edge_rows",
    "owner_key",
    "passage_rows",
    "schema",
]

DOCUMENTS = "documents"
PASSAGES = "passages"
EDGES = "edges"

# Arrow types enter as Any: pyarrow publishes none, and is imported late because it takes 60 ms.


def column_table(column: str) -> str:
    """The table of a retriever's column.

    Raises:
        IndexStoreError: the name cannot be a file name everywhere.

    Example:
        >>> column_table("dense.vector")
        'column.dense.vector'
    """
    if not TABLE_NAME.fullmatch(column):
        raise IndexStoreError(
            f"a column cannot be called {column!r}",
            choices=("letters, digits, '.', '_' and '-', at most 120",),
            fix="rename it in the retriever's columns",
        )
    return f"column.{column}"


def schema(table: str, columns: Mapping[str, Column]) -> Any:
    """The Arrow schema of a table."""
    import pyarrow as pa

    text = pa.large_string()  # 32-bit offsets end at 2 GiB, which 200,000 long passages reach

    def required(name: str, kind: Any) -> Any:
        return pa.field(name, kind, nullable=False)

    if table == DOCUMENTS:
        names = (
            "id", "title", "metadata", "document", "content_hash",
            "source_uri", "source_sha256", "source_part", "reader",
        )  # fmt: skip
        return pa.schema([required(name, text) for name in names])
    if table == PASSAGES:
        return pa.schema(
            [
                required("id", text),
                required("document_id", text),
                required("ordinal", pa.int32()),
                required("start", pa.int64()),
                required("end", pa.int64()),
                required("text", text),
                required("context", text),
                required("kind", text),
            ]
        )
    if table == EDGES:
        return pa.schema(
            [
                required("source", text),
                required("relation", text),
                required("target", text),
                required("confidence", pa.float64()),
                required("label", text),
            ]
        )
    column = columns[table.removeprefix("column.")]
    # The document's id stands in every table, so that one condition removes a document everywhere.
    keys = [required("passage_id", text), required("document_id", text)]
    match column.kind:
        case "vector":
            return pa.schema([*keys, required("value", pa.list_(pa.float32(), column.dimension))])
        case "tokens":
            vector = pa.list_(pa.field("item", pa.float16(), nullable=False), column.dimension)
            return pa.schema([*keys, required("value", pa.large_list(pa.field("item", vector, nullable=False)))])
        case "sparse":
            return pa.schema(
                [
                    *keys,
                    required("terms", pa.large_list(pa.field("item", text, nullable=False))),
                    required("weights", pa.large_list(pa.field("item", pa.float32(), nullable=False))),
                ]
            )
        case "number":
            return pa.schema([*keys, required("value", pa.float64())])
        case "text":
            return pa.schema([*keys, required("value", text)])


def owner_key(table: str) -> str:
    """The column of a table that names the document a row belongs to."""
    return {DOCUMENTS: "id", EDGES: "source"}.get(table, "document_id")


def document_rows(documents: Sequence[Document]) -> Any:
    """Rows of the documents table."""
    import pyarrow as pa

    sources = [document.source for document in documents]
    return pa.table(
        {
            "id": [document.id for document in documents],
            "title": [document.title for document in documents],
            "metadata": [metadata_to_json(document) for document in documents],
            "document": [document_to_json(document) for document in documents],
            "content_hash": [content_hash(document) for document in documents],
            "source_uri": [source.uri if source else "" for source in sources],
            "source_sha256": [source.sha256 if source else "" for source in sources],
            "source_part": [source.part if source else "" for source in sources],
            "reader": [source.reader if source else "" for source in sources],
        },
        schema=schema(DOCUMENTS, {}),
    )


def passage_rows(passages: Sequence[Passage]) -> Any:
    """Rows of the passages table."""
    import pyarrow as pa

    wanted = schema(PASSAGES, {})
    return pa.table({name: [getattr(passage, name) for passage in passages] for name in wanted.names}, schema=wanted)


def edge_rows(edges: Sequence[Edge]) -> Any:
    """Rows of the edges table."""
    import pyarrow as pa

    wanted = schema(EDGES, {})
    return pa.table({name: [getattr(edge, name) for edge in edges] for name in wanted.names}, schema=wanted)


def batch_rows(
    documents: Sequence[Document],
    passages: Sequence[Passage],
    columns: Mapping[str, Column],
    values: Mapping[str, ColumnValues],
    edges: Sequence[Edge],
) -> dict[str, Any]:
    """Rows of all tables for some documents, by table; everything has passed :mod:`plait.index.entry_checks`."""
    ids = [passage.id for passage in passages]
    owners = [passage.document_id for passage in passages]
    rows = {column_table(name): column_rows(columns[name], ids, owners, given) for name, given in values.items()}
    return {
        **rows,
        DOCUMENTS: document_rows(documents),
        PASSAGES: passage_rows(passages),
        EDGES: edge_rows(edges),
    }


def column_rows(column: Column, passage_ids: Sequence[str], document_ids: Sequence[str], values: ColumnValues) -> Any:
    """Rows of a column's table, from values that :mod:`plait.index.entry_checks` has passed."""
    import pyarrow as pa

    wanted = schema(column_table(column.name), {column.name: column})
    keys = {
        "passage_id": pa.array(passage_ids, pa.large_string()),
        "document_id": pa.array(document_ids, pa.large_string()),
    }
    match column.kind:
        case "vector":
            flat = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
            cells = {"value": pa.FixedSizeListArray.from_arrays(pa.array(flat), column.dimension)}
        case "tokens":
            offsets = np.cumsum([0, *(len(vectors) for vectors in values)], dtype=np.int64)
            none = np.empty((0, column.dimension or 0), dtype=np.float16)
            tokens = np.concatenate([none, *values], dtype=np.float16, casting="same_kind")
            stacked = pa.FixedSizeListArray.from_arrays(pa.array(tokens.reshape(-1)), column.dimension)
            cells = {"value": pa.LargeListArray.from_arrays(pa.array(offsets), stacked)}
        case "sparse":
            offsets = np.zeros(len(values) + 1, dtype=np.int64)
            terms: list[str] = []
            weights: list[float] = []
            for row, bag in enumerate(values):
                # Sorted, so that equal bags are stored equally whatever order they were filled in.
                for term, weight in sorted(bag.items()):
                    terms.append(term)
                    weights.append(weight)
                offsets[row + 1] = len(terms)
            cells = {
                "terms": pa.LargeListArray.from_arrays(offsets, pa.array(terms, pa.large_string())),
                "weights": pa.LargeListArray.from_arrays(offsets, pa.array(weights, pa.float32())),
            }
        case "number":
            cells = {"value": pa.array(np.asarray(values, dtype=np.float64))}
        case "text":
            cells = {"value": pa.array(list(values), pa.large_string())}
    return pa.table({**keys, **cells}).cast(wanted)
