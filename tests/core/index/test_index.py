from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from plait.contracts import Column
from plait.contracts.errors import IndexStoreError
from plait.index import Index
from plait.index import store as store_module

VECTOR = "dense.vector"


def _state(view: Any) -> tuple[Any, ...]:
    sparse = view.sparse("lexical.terms")
    return (
        list(view.passage_ids),
        [view.passage(row) for row in range(len(view))],
        [view.document(name) for name in view.document_ids],
        view.vectors(VECTOR).tolist(),
        dict(sparse.vocabulary),
        sparse.rows.tolist(),
    )


@pytest.fixture
def prompt_cleanup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cleanup normally spares the last seconds; a test cannot wait for them."""
    monkeypatch.setattr(store_module, "_MARGIN", store_module.timedelta(milliseconds=200))


def test_views_stay_as_they_were_through_commits_compaction_and_cleanup(
    filled: Index, corpus: Any, prompt_cleanup: None
) -> None:
    read, unread = filled.view(), Index.open(filled.path).view()
    before = _state(read)
    short = Index.open(filled.path, keep_commits=70)
    with short.writer() as writer:
        for n in range(25):
            corpus.put(writer, corpus.document("abcdef"[n % 6], f"Version {n}."))
            writer.commit(str(n))
    short.optimize()
    assert _state(read) == before
    assert _state(unread) == before  # opened before, read only now, from files that cleanup has spared
    assert _state(filled.view(1)) == before
    assert filled.check() == []


def test_only_the_last_commits_are_kept(filled: Index, corpus: Any, prompt_cleanup: None) -> None:
    index = Index.open(filled.path, keep_commits=5)
    with index.writer() as writer:
        for n in range(24):
            corpus.put(writer, corpus.document("a", f"Version {n}.", "x " * 2_000))
            writer.commit(str(n))
        time.sleep(0.4)
        writer.optimize()
        writer.commit("tidy")
    assert [commit.number for commit in index.versions()] == [26, 25, 24, 23, 22]
    with pytest.raises(IndexStoreError, match="22, 23, 24, 25, 26"):
        index.view(21)
    for commit in index.versions():
        assert len(_state(index.view(commit.number))[0]) == 6
    # Each version of the text was 4,000 characters; those of forgotten commits are gone from the disk.
    manifests = len(list((index.path / "tables" / "passages.lance" / "_versions").iterdir()))
    assert manifests < 25
    assert index.check() == []


def test_many_small_commits_stay_in_few_pieces(filled: Index, corpus: Any) -> None:
    with filled.writer() as writer:
        for n in range(24):
            corpus.put(writer, corpus.document(f"n{n:02}"))
            writer.commit(str(n))
    data = Index.open(filled.path)
    table = data._store.open("passages", data.commit.tables["passages"])
    assert table.stats()["fragment_stats"]["num_fragments"] <= 21
    assert len(data.view()) == 54
    assert data.check() == []


def test_tables_of_dropped_columns_go_with_the_last_commit_that_names_them(filled: Index) -> None:
    index = Index.open(filled.path, keep_commits=2)
    with index.writer() as writer:
        writer.declare([Column(VECTOR, "vector", 8)])
        writer.commit("without terms")
        assert (index.path / "tables" / "column.lexical.terms.lance").exists()
        writer.commit("again")
    assert not (index.path / "tables" / "column.lexical.terms.lance").exists()
    assert index.check() == []


def test_equal_content_has_equal_rows_however_it_was_put_together(filled: Index, corpus: Any, tmp_path: Any) -> None:
    other = Index.create(tmp_path / "other.plait")
    with other.writer() as writer:
        writer.declare(list(filled.commit.columns.values()))
        for name, year in (("c", 2022), ("z", 1), ("a", 2020), ("b", 1)):
            corpus.put(writer, corpus.document(name, year=year))
            writer.commit(name)
        writer.remove(["z"])
        corpus.put(writer, corpus.document("b", year=2021))
        writer.commit("the same in the end")
    assert _state(other.view()) == _state(filled.view())
    assert np.array_equal(other.view().document_numbers, filled.view().document_numbers)
