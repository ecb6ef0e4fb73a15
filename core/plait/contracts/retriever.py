"""Retrievers: what they store beside the passages, and how they find them again.

A retriever keeps no state between calls. While documents are added it fills its own columns
(:meth:`Retriever.encode`); while a question is answered it reads them from one immutable snapshot of the index
(:class:`IndexView`). What is expensive to derive from a column is kept by the view (:meth:`IndexView.derived`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from plait.contracts.document import Document, Edge
from plait.contracts.passage import Hit, Passage
from plait.contracts.query import Query

__all__ = [
    "Column",
    "ColumnSource",
    "ColumnValues",
    "CorpusColumns",
    "IndexView",
    "IngestBatch",
    "Retriever",
    "SparseColumn",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a retriever adds: one value per passage.

    Kinds: ``vector`` (float32, ``dimension`` wide, finite, length 1), ``tokens`` (any number of such vectors, stored
    in float16), ``sparse`` (term -> weight), ``number`` (float64), ``text`` (str).
    """

    name: str
    kind: Literal["vector", "tokens", "sparse", "number", "text"]
    dimension: int | None = None


ColumnValues = NDArray[Any] | Sequence[NDArray[Any]] | Sequence[Mapping[str, float]] | Sequence[str]
"""Values of one column, one per passage: (n, dimension) for vectors, (n,) for numbers, else sequences.

Of a ``tokens`` column each value is an array (tokens, dimension).
"""


@dataclass(frozen=True, slots=True)
class SparseColumn:
    """A sparse column in posting order, over the rows of one view.

    The postings of term ``t`` are ``rows[indptr[i]:indptr[i + 1]]`` with ``weights`` beside, where
    ``i = vocabulary[t]``; rows ascend within a term.
    """

    vocabulary: Mapping[str, int]
    indptr: NDArray[np.int64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]


class IndexView(Protocol):
    """One immutable snapshot of the index: a commit over all tables. Rows are numbered 0 .. len(view) - 1."""

    @property
    def commit(self) -> int:
        """Number of the commit this view shows; 0 is the empty index."""
        ...

    @property
    def passage_ids(self) -> Sequence[str]:
        """Passage id of each row."""
        ...

    @property
    def document_numbers(self) -> NDArray[np.int32]:
        """For each row, the position of its document in :attr:`document_ids`; shape (rows,)."""
        ...

    @property
    def document_ids(self) -> Sequence[str]:
        """Ids of all documents."""
        ...

    def __len__(self) -> int:
        """Number of passages."""
        ...

    def passage(self, row: int) -> Passage:
        """The passage in a row."""
        ...

    def row(self, passage_id: str) -> int:
        """The row of a passage; KeyError when this commit has no such passage."""
        ...

    def document(self, document_id: str) -> Document:
        """The stored document, re-opened from disk; KeyError when this commit has no such document."""
        ...

    def metadata(self, document_id: str) -> Mapping[str, Any]:
        """The metadata of a document, without opening the rest of it; KeyError when absent."""
        ...

    def title(self, document_id: str) -> str:
        """The title of a document; KeyError when absent."""
        ...

    def allowed(self, filters: Mapping[str, Any]) -> NDArray[np.bool_] | None:
        """Which rows satisfy :attr:`Query.filters`, shape (rows,); None when there are no filters."""
        ...

    def vectors(self, column: str) -> NDArray[np.float32]:
        """A vector column, shape (rows, dimension). Read-only."""
        ...

    def tokens(self, column: str, rows: Sequence[int]) -> Sequence[NDArray[np.float16]]:
        """What a ``tokens`` column holds for some rows, in their order: each an array (tokens, dimension)."""
        ...

    def sparse(self, column: str) -> SparseColumn:
        """A sparse column as postings."""
        ...

    def values(self, column: str) -> Sequence[Any]:
        """A number or text column, one value per row."""
        ...

    def edges(self) -> Sequence[Edge] | None:
        """What the documents state of each other, in order of their source; None where the index stores none."""
        ...

    def model(self, name: str) -> Path | None:
        """The folder of a model that was trained on this index and is in use at this commit; None without one."""
        ...

    def nearest(
        self, column: str, vector: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and cosines of the k nearest passages, best first, ties by row.

        Exact, unless the index holds an approximate search structure for this column.
        """
        ...

    def hits(self, rows: NDArray[np.integer[Any]], scores: NDArray[np.floating[Any]]) -> list[Hit]:
        """Hits for rows that are already in order of score."""
        ...

    def derived(self, key: str, build: Callable[[], T]) -> T:
        """``build()`` the first time a key is asked for on this view, the same object after that."""
        ...


@dataclass(frozen=True, slots=True)
class IngestBatch:
    """What is being added: documents, their passages, the columns that retrievers before this one filled.

    ``view`` is the index as it was before this run began to write.
    """

    documents: Sequence[Document]
    passages: Sequence[Passage]
    columns: Mapping[str, ColumnValues] = field(default_factory=dict)
    view: IndexView | None = None


@runtime_checkable
class ColumnSource(Protocol):
    """Adds columns to the index: a retriever, and a vector fusion or a ranker that keeps something per passage."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns it adds to the index; empty when it needs none."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """What its columns depend on (JSON): a change makes an existing index unusable until rebuilt."""
        ...

    def encode(self, batch: IngestBatch) -> Mapping[str, ColumnValues]:
        """Values of each of :attr:`columns` for ``batch.passages``, in their order."""
        ...


@runtime_checkable
class Retriever(ColumnSource, Protocol):
    """Finds passages."""

    def retrieve(self, query: Query, view: IndexView, k: int) -> Sequence[Hit]:
        """The k best passages that satisfy ``query.filters``, best first. Fewer, or none, is fine.

        A retriever that works on text alone leaves ``query.image`` aside.
        """
        ...


@runtime_checkable
class CorpusColumns(Protocol):
    """Of a retriever or fusion whose columns depend on the whole index, such as on links between documents.

    Its ``encode`` gives what a passage has on its own, so that every commit is whole; this method is called once at
    the end of each run that changed something, and its values replace them.
    """

    @property
    def columns(self) -> Sequence[Column]:
        """The columns that are filled."""
        ...

    def encode_corpus(self, view: IndexView) -> Mapping[str, ColumnValues]:
        """Values of each column for all rows of ``view``, which shows the index as it is about to be committed."""
        ...
