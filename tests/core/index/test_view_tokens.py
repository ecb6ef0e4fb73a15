"""Columns of token vectors: any number of them a passage, read a few rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.contracts import Column, Passage
from plait.contracts.errors import IndexStoreError, ModelError
from plait.index import Index, Writer
from plait.index.store import Store

TOKENS = Column("late", "tokens", 4)


def vectors(passage: Passage) -> NDArray[np.float16]:
    """One to three unit vectors that depend on the text alone; none for a second passage."""
    chance = np.random.default_rng(sum(passage.text.encode()))
    made = chance.standard_normal((0 if passage.ordinal == 1 else int(chance.integers(1, 4)), 4))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)


def put(writer: Writer, corpus: Any, names: Sequence[str], *sentences: str) -> None:
    documents = [corpus.document(name, *sentences) for name in names]
    passages = corpus.passages(documents)
    writer.put(documents, passages, {TOKENS.name: [vectors(passage) for passage in passages]})


@pytest.fixture
def tokens(index: Index, corpus: Any) -> Index:
    with index.writer() as writer:
        writer.declare([TOKENS])
        put(writer, corpus, "cab")
        writer.commit("three documents", identity={"late": {"model": "hash"}})
    return index


def check(index: Index, rows: Sequence[int]) -> None:
    view = index.view()
    for row, found in zip(rows, view.tokens("late", rows), strict=True):
        np.testing.assert_array_equal(found, vectors(view.passage(row)))
        assert found.dtype == np.float16 and found.shape[1] == 4


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4, 5], [4, 0, 3], [1], [5, 1, 5], []])
def test_rows_come_in_the_order_they_are_asked_for(tokens: Index, rows: Sequence[int]) -> None:
    check(tokens, rows)


def test_the_values_follow_documents_that_come_change_and_go(tokens: Index, corpus: Any) -> None:
    before = tokens.view()
    old = before.tokens("late", range(6))
    for names in ("d", "e", "a0"):
        with tokens.writer() as writer:
            put(writer, corpus, names, "One sentence alone.", "And another.", "A third.")
            writer.commit(f"{names} more")
    with tokens.writer() as writer:
        writer.remove(["b"])
        put(writer, corpus, "c", "It has changed.")
        writer.commit("changed")
    check(tokens, range(len(tokens.view())))
    for one, other in zip(before.tokens("late", range(6)), old, strict=True):
        np.testing.assert_array_equal(one, other)
    assert tokens.check() == []


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (np.ones((2, 4), np.float32), "passage 'a#1': a vector with length 2.0000"),
        (np.full((1, 4), np.nan, np.float32), "passage 'a#1': a vector with values that are not finite"),
        (np.eye(3, dtype=np.float32), r"passage 'a#1': shape \(3, 3\) where \(tokens, 4\)"),
        (np.ones(4, np.float32) / 2, r"passage 'a#1': shape \(4,\)"),
        (np.eye(4, dtype=np.int64), "type int64 where floats are needed"),
    ],
)
def test_what_is_no_row_of_unit_vectors_is_refused(index: Index, corpus: Any, wrong: NDArray[Any], what: str) -> None:
    documents = [corpus.document("a")]
    passages = corpus.passages(documents)
    with index.writer() as writer:
        writer.declare([TOKENS])
        with pytest.raises(ModelError, match=what):
            writer.put(documents, passages, {"late": [np.eye(4, dtype=np.float32), wrong]})


def test_a_column_of_tokens_has_a_dimension(index: Index) -> None:
    with index.writer() as writer, pytest.raises(IndexStoreError, match="tokens column 'late' has dimension None"):
        writer.declare([Column("late", "tokens")])


def test_another_column_is_not_read_as_tokens(filled: Index) -> None:
    with pytest.raises(IndexStoreError, match="no tokens column 'dense"):
        filled.view().tokens("dense.vector", [0])


def test_check_finds_a_vector_that_is_not_of_length_one(tokens: Index) -> None:
    import json

    import pyarrow as pa

    store, name = Store(tokens.path / "tables"), "column.late"
    rows = store.writable(name, tokens.commit.tables[name]).to_arrow()
    records = rows.to_pylist()
    records[2]["value"][0] = np.array([9.0, 0.0, 0.0, 0.0], np.float16).tolist()
    table = store.create(name, rows.schema, kept=True)
    store.append(table, pa.Table.from_pylist(records, rows.schema))
    record = json.loads((tokens.path / "index.json").read_text())
    record["tables"][name] = table.version
    (tokens.path / "index.json").write_text(json.dumps(record))
    (finding,) = Index.open(tokens.path).check()
    assert "1 passages with a token's vector that is not finite and of length 1" in str(finding)
    assert records[2]["passage_id"] in str(finding)
