"""The index in memory keeps the whole view contract, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from plait.contracts import Column, ColumnValues, Document, IndexView, IngestBatch, Passage, Query, Section, Text
from plait.contracts.errors import ModelError
from plait.testing import BlockChunker, MemoryView, memory_view, sample_documents

DOCUMENTS = sample_documents()


class Numbered:
    """A retriever with a column of every kind; not a good one, but a real one."""

    columns: tuple[Column, ...] = (
        Column("place", "vector", 3),
        Column("letters", "sparse"),
        Column("length", "number"),
        Column("first", "text"),
    )

    def fingerprint(self) -> Mapping[str, Any]:
        return {}

    def encode(self, batch: IngestBatch) -> Mapping[str, ColumnValues]:
        texts = [passage.text for passage in batch.passages]
        vectors = np.random.default_rng(len(texts)).normal(size=(len(texts), 3))
        return {
            "place": (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
            "letters": [{letter: float(text.count(letter)) for letter in set(text)} for text in texts],
            "length": np.array([len(text) for text in texts], dtype=np.float64),
            "first": [text[0] for text in texts],
        }

    def retrieve(self, query: Query, view: IndexView, k: int) -> Sequence[Any]:
        return []


@pytest.fixture(scope="module")
def view() -> MemoryView:
    return memory_view(DOCUMENTS, [Numbered()])


def _accepts(view: IndexView) -> int:
    """Type-checked: a MemoryView is an IndexView."""
    return len(view)


def test_it_is_an_index_view(view: MemoryView) -> None:
    assert _accepts(view) == len(view.passage_ids) == 12
    members = [name for name in vars(IndexView) if not name.startswith("_")]
    assert [name for name in members if not hasattr(view, name)] == []


def test_rows_passages_and_documents_agree(view: MemoryView) -> None:
    for row, passage_id in enumerate(view.passage_ids):
        passage = view.passage(row)
        assert passage.id == passage_id
        assert view.row(passage_id) == row
        assert view.document_ids[view.document_numbers[row]] == passage.document_id
        assert view.document(passage.document_id).text[passage.start : passage.end] == passage.text
    assert view.title("rrf") == "Reciprocal rank fusion"
    assert view.metadata("rrf")["year"] == 2009


@pytest.mark.parametrize("ask", ["row", "document", "metadata", "title", "vectors", "values", "sparse"])
def test_what_is_not_there_is_a_key_error(view: MemoryView, ask: str) -> None:
    with pytest.raises(KeyError):
        getattr(view, ask)("nothing of this name")


def test_nearest_is_what_brute_force_finds(view: MemoryView) -> None:
    question = np.array([0.6, 0.0, 0.8], dtype=np.float32)
    rows, cosines = view.nearest("place", question, 5)
    scores = [float(vector @ question) for vector in view.vectors("place")]
    expected = sorted(range(len(view)), key=lambda row: (-scores[row], row))[:5]
    assert rows.tolist() == expected
    np.testing.assert_allclose(cosines, [scores[row] for row in expected], rtol=1e-6)


def test_nearest_looks_only_where_it_may(view: MemoryView) -> None:
    allowed = view.allowed({"year": {"min": 2020}})
    assert allowed is not None
    rows, _ = view.nearest("place", np.array([1, 0, 0], dtype=np.float32), 100, allowed)
    assert sorted(rows.tolist()) == np.flatnonzero(allowed).tolist()


def test_ties_are_broken_by_row() -> None:
    column = Column("v", "vector", 2)
    vectors = np.array([[1, 0]] * 12, dtype=np.float32)
    passages = [passage for document in DOCUMENTS for passage in BlockChunker().chunk(document)]
    view = MemoryView(DOCUMENTS, passages, [(column, vectors)])
    assert view.nearest("v", np.array([1, 0], dtype=np.float32), 12)[0].tolist() == list(range(12))


def test_postings_hold_exactly_the_weights(view: MemoryView) -> None:
    column = view.sparse("letters")
    found = {
        (int(row), term): float(weight)
        for term, number in column.vocabulary.items()
        for row, weight in zip(
            column.rows[column.indptr[number] : column.indptr[number + 1]],
            column.weights[column.indptr[number] : column.indptr[number + 1]],
            strict=True,
        )
    }
    expected = {
        (row, letter): float(view.passage(row).text.count(letter))
        for row in range(len(view))
        for letter in set(view.passage(row).text)
    }
    assert found == expected
    for number in range(len(column.vocabulary)):
        rows = column.rows[column.indptr[number] : column.indptr[number + 1]]
        assert (np.diff(rows) > 0).all()


def test_stored_values_are_read_only(view: MemoryView) -> None:
    with pytest.raises(ValueError, match="read-only"):
        view.vectors("place")[0, 0] = 7
    assert view.values("length")[0] == len(view.passage(0).text)
    assert view.values("first")[0] == "B"


def test_derived_is_built_once_for_each_view(view: MemoryView) -> None:
    built: list[int] = []

    def build() -> str:
        built.append(1)
        return "found"

    assert view.derived("a key", build) is view.derived("a key", build)
    assert built == [1]


def test_an_empty_view_answers_everything() -> None:
    view = memory_view((), [Numbered()])
    assert len(view) == 0
    assert view.vectors("place").shape == (0, 3)
    assert view.sparse("letters").indptr.tolist() == [0]
    assert view.nearest("place", np.ones(3, dtype=np.float32), 5)[0].size == 0
    assert view.allowed({"year": 2020}) is not None


def test_later_retrievers_see_the_columns_of_earlier_ones() -> None:
    class Second(Numbered):
        columns = (Column("double", "number"),)

        def encode(self, batch: IngestBatch) -> Mapping[str, ColumnValues]:
            return {"double": 2 * np.asarray(batch.columns["length"])}

    view = memory_view(DOCUMENTS, [Numbered(), Second()])
    assert list(view.values("double")) == [2 * length for length in view.values("length")]


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        (Column("v", "vector", 2), [[1.0, 0.0]] * 11, "11 values for 12 passages"),
        (Column("v", "vector", 3), [[1.0, 0.0]] * 12, r"shape \(12, 2\) where \(12, 3\)"),
        (Column("v", "vector", 2), [[1.0, np.nan]] * 12, "not finite"),
        (Column("v", "vector", 2), [[1.0, 1.0]] * 12, "length 1"),
        (Column("n", "number"), [[1.0]] * 12, "shape"),
        (Column("t", "text"), ["a"] * 11 + [3], "3 where text is needed"),
        (Column("s", "sparse"), [{}] * 11 + [["a"]], "a mapping from term to weight"),
        (Column("s", "sparse"), [{"a": float("inf")}] * 12, "the weight inf"),
    ],
)
def test_a_column_that_breaks_its_declaration_is_refused(column: Column, values: Any, said: str) -> None:
    passages = [passage for document in DOCUMENTS for passage in BlockChunker().chunk(document)]
    with pytest.raises(ModelError, match=said):
        MemoryView(DOCUMENTS, passages, [(column, values)])


def test_ids_must_be_unique_and_known() -> None:
    passage = Passage("a#0", "a", 0, 0, 1, "x")
    document = Document("a", "x", (Section("", (Text("y"),)),))
    with pytest.raises(ValueError, match="same id"):
        MemoryView([document], [passage, passage])
    with pytest.raises(ValueError, match="same id"):
        MemoryView([document, document], [])
    with pytest.raises(ValueError, match="unknown documents"):
        MemoryView([], [passage])
