from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.contracts import IndexView
from plait.contracts.errors import IndexCorruptError, IndexStoreError, QueryError
from plait.index import Index

VECTOR = "dense.vector"


def test_a_view_satisfies_the_contract(filled: Index) -> None:
    view: IndexView = filled.view()
    assert len(view) == len(view.passage_ids) == len(view.document_numbers) == 6
    assert view.commit == 1


def test_the_same_commit_is_the_same_view(filled: Index, corpus: Any) -> None:
    view = filled.view()
    assert filled.view() is view
    assert filled.view(1) is view
    with filled.writer() as writer:
        assert writer.view is view
        corpus.put(writer, corpus.document("d"))
        writer.commit("d")
    assert filled.view() is not view
    assert filled.view().commit == 2


def test_arrays_cannot_be_written_to(filled: Index) -> None:
    view = filled.view()
    sparse = view.sparse("lexical.terms")
    for array in (view.vectors(VECTOR), view.document_numbers, sparse.rows, sparse.weights, sparse.indptr):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_nearest_finds_what_a_full_comparison_finds(filled: Index, corpus: Any) -> None:
    view = filled.view()
    query = corpus.vector("a query")
    rows, scores = view.nearest(VECTOR, query, 4)
    cosines = [float(corpus.vector(view.passage(row).text) @ query) for row in range(6)]
    assert rows.tolist() == sorted(range(6), key=lambda row: -cosines[row])[:4]
    assert scores.tolist() == pytest.approx([cosines[row] for row in rows], abs=1e-6)
    hits = view.hits(rows, scores)
    assert [(hit.passage_id, hit.row) for hit in hits] == [(view.passage_ids[row], row) for row in rows.tolist()]
    assert all(type(hit.score) is float and type(hit.row) is int for hit in hits)
    assert all(hit.passage_id.startswith(f"{hit.document_id}#") for hit in hits)


def test_nearest_keeps_to_the_filter(filled: Index, corpus: Any) -> None:
    view = filled.view()
    allowed = view.allowed({"year": {"min": 2021}})
    assert allowed is not None
    assert [view.passage_ids[row] for row in np.flatnonzero(allowed)] == ["b#0", "b#1", "c#0", "c#1"]
    rows, _ = view.nearest(VECTOR, corpus.vector("a query"), 100, allowed)
    assert sorted(rows.tolist()) == np.flatnonzero(allowed).tolist()
    assert view.allowed({}) is None
    only = view.allowed({"id": ["a", "c"], "year": 2022})
    assert only is not None
    assert [view.passage_ids[row] for row in np.flatnonzero(only)] == ["c#0", "c#1"]
    with pytest.raises(QueryError, match="year"):
        view.allowed({"yeer": 2020})


def test_a_query_of_another_width_is_refused(filled: Index) -> None:
    with pytest.raises(QueryError, match=r"\(7,\).*width 8"):
        filled.view().nearest(VECTOR, np.ones(7, dtype=np.float32), 3)


@pytest.mark.parametrize("ask", ["vectors", "sparse", "values"])
def test_a_column_that_is_not_there_names_those_that_are(filled: Index, ask: str) -> None:
    with pytest.raises(IndexStoreError, match=r"commit 1 has no .* column 'x'"):
        getattr(filled.view(), ask)("x")


def test_what_is_not_stored_is_a_key_error(filled: Index) -> None:
    view = filled.view()
    for ask in (view.document, view.metadata, view.title, view.row):
        with pytest.raises(KeyError):
            ask("nonesuch")
    for row in (-1, 6):
        with pytest.raises(IndexError):
            view.passage(row)


def test_derived_is_built_once_even_by_many_threads(filled: Index) -> None:
    view, built = filled.view(), []
    results: list[object] = []

    def build() -> object:
        built.append(1)
        return object()

    threads = [threading.Thread(target=lambda: results.append(view.derived("x", build))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert len(set(map(id, results))) == 1
    assert view.derived("outer", lambda: view.derived("inner", lambda: 3)) == 3


def test_many_threads_read_one_fresh_view(filled: Index, corpus: Any) -> None:
    view = Index.open(filled.path).view()
    problems: list[BaseException] = []

    def read() -> None:
        try:
            assert view.document("b") == corpus.document("b", year=2021)
            assert view.vectors(VECTOR).shape == (6, 8)
            assert view.passage(view.row("c#1")).document_id == "c"
            assert view.sparse("lexical.terms").indptr[-1] == len(view.sparse("lexical.terms").rows)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_lost_file_is_an_error_that_says_what_to_do(filled: Index) -> None:
    view = filled.view()
    for path in Path(filled.path / "tables" / f"column.{VECTOR}.lance" / "data").iterdir():
        path.unlink()
    with pytest.raises(IndexCorruptError, match=r"column\.dense\.vector.*plait index check"):
        view.vectors(VECTOR)
