"""What a writer shows of the commit that it is about to make."""

from __future__ import annotations

from typing import Any

import numpy as np

from plait.contracts import Column
from plait.index import Index

VECTOR = Column("dense.vector", "vector", 8)


def test_filling_after_putting_fills_what_was_put_as_well(filled: Index, corpus: Any) -> None:
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("d"))
        assert writer.preview().document_ids == ["a", "b", "c", "d"]
        writer.fill(VECTOR.name, np.eye(8, 8, dtype=np.float32))
        writer.commit("filled")
    assert np.array_equal(filled.view().vectors(VECTOR.name), np.eye(8, 8, dtype=np.float32))
    assert filled.check() == []


def test_a_preview_shows_what_nobody_else_sees_yet(filled: Index, corpus: Any) -> None:
    with filled.writer() as writer:
        writer.remove(["a"])
        preview = writer.preview()
        assert (preview.document_ids, preview.commit) == (["b", "c"], 2)
        assert preview.vectors(VECTOR.name).shape == (4, 8)
        assert filled.view().document_ids == ["a", "b", "c"]
    assert filled.view().document_ids == ["a", "b", "c"]


def test_a_preview_of_an_emptied_index_is_empty(filled: Index) -> None:
    with filled.writer() as writer:
        writer.clear()
        preview = writer.preview()
        assert (len(preview), list(preview.document_ids), preview.edges()) == (0, [], [])
        assert preview.vectors(VECTOR.name).shape == (0, 8)
