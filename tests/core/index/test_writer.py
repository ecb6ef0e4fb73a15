from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from plait.contracts import Column, Document, Passage, Section, Source, Text
from plait.contracts.errors import DocumentError, IndexStoreError, ModelError
from plait.index import Difference, Index

VECTOR = Column("dense.vector", "vector", 8)
TERMS = Column("lexical.terms", "sparse")


def test_what_is_put_can_be_read_back_whole(index: Index, corpus: Any) -> None:
    documents = [corpus.document(name, year=2020, authors=["A"]) for name in ("b", "it's", 'q"\\\t', "é#1", "漢字")]
    with index.writer() as writer:
        writer.declare([VECTOR, TERMS, Column("n", "number"), Column("t", "text")])
        passages = corpus.passages(documents)
        extra = {"n": np.arange(len(passages)), "t": [p.text.upper() for p in passages]}
        writer.put(documents, passages, {**corpus.columns(passages), **extra})
        commit = writer.commit("five", identity={"x": 1}, notes={"y": [1]})
    assert (commit.number, commit.parent, commit.counts) == (1, 0, {"documents": 5, "passages": 10})
    view = Index.open(index.path).view()
    assert view.document_ids == sorted(document.id for document in documents)
    for document in documents:
        assert view.document(document.id) == document
        assert view.metadata(document.id) == document.metadata
        assert view.title(document.id) == document.title
    for number, passage in enumerate(passages):
        row = view.row(passage.id)
        assert view.passage(row) == passage
        assert view.document_ids[view.document_numbers[row]] == passage.document_id
        assert view.vectors(VECTOR.name)[row].tolist() == corpus.vector(passage.text).tolist()
        assert view.values("n")[row] == number
        assert view.values("t")[row] == passage.text.upper()
    assert index.check() == []
    assert Index.open(index.path).commit == commit


def test_an_update_replaces_exactly_its_own_rows(filled: Index, corpus: Any) -> None:
    before = filled.view()
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("b", "One.", "Two.", "Three."), corpus.document("d"))
        writer.commit("update b, add d")
    view = filled.view()
    assert view.document_ids == ["a", "b", "c", "d"]
    assert [view.passage(view.row(f"b#{n}")).text for n in range(3)] == ["One.", "Two.", "Three."]
    for name in ("a#0", "a#1", "c#0", "c#1"):
        assert view.passage(view.row(name)) == before.passage(before.row(name))
    assert "two" not in before.sparse(TERMS.name).vocabulary
    assert len(view.sparse(TERMS.name).rows) == sum(len(corpus.terms(view.passage(r).text)) for r in range(len(view)))
    assert filled.diff(1, 2) == Difference(("d",), (), ("b",))
    assert filled.diff(2, 1) == Difference((), ("d",), ("b",))
    assert filled.check() == []


def test_a_shorter_update_leaves_nothing_behind(filled: Index, corpus: Any) -> None:
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("b", "One."))
        writer.commit("shorter")
    assert [p for p in filled.view().passage_ids if p.startswith("b#")] == ["b#0"]
    assert filled.check() == []


def test_removing_leaves_nothing_behind(filled: Index) -> None:
    with filled.writer() as writer:
        assert writer.remove(["b", "nonesuch", "b"]) == 1
        assert writer.remove(["b"]) == 0
        writer.commit("remove b")
    view = filled.view()
    assert view.document_ids == ["a", "c"]
    assert view.vectors(VECTOR.name).shape == (4, 8)
    with pytest.raises(KeyError):
        view.document("b")
    with pytest.raises(KeyError):
        view.row("b#0")
    assert filled.check() == []


def test_a_document_put_twice_in_one_commit_is_there_once(filled: Index, corpus: Any) -> None:
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("e", "Old."))
        corpus.put(writer, corpus.document("e", "New.", "Newer."))
        writer.remove(["a"])
        corpus.put(writer, corpus.document("a", "Back."))
        writer.commit("twice")
    view = filled.view()
    assert [view.passage(view.row(name)).text for name in ("e#0", "e#1", "a#0")] == ["New.", "Newer.", "Back."]
    assert filled.check() == []


def test_a_document_without_passages_is_kept(index: Index, corpus: Any) -> None:
    with index.writer() as writer:
        writer.declare([VECTOR])
        writer.put([Document("blank", "", ())], [], {VECTOR.name: np.empty((0, 8), dtype=np.float32)})
        writer.commit("blank")
    assert (index.view().document_ids, len(index.view())) == (["blank"], 0)
    assert index.view().nearest(VECTOR.name, corpus.vector("x"), 3)[0].tolist() == []


def test_nothing_is_seen_before_the_commit(filled: Index, corpus: Any, caplog: Any) -> None:
    with caplog.at_level(logging.WARNING), filled.writer() as writer:
        corpus.put(writer, corpus.document("z"))
        writer.remove(["a"])
        assert filled.view().document_ids == writer.view.document_ids == ["a", "b", "c"]
    assert "dropped" in caplog.text
    assert Index.open(filled.path).view().document_ids == ["a", "b", "c"]
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("y"))
        writer.commit("after")
    assert filled.view().document_ids == ["a", "b", "c", "y"]
    assert filled.check() == []


def test_several_commits_in_one_writer(filled: Index, corpus: Any) -> None:
    with filled.writer() as writer:
        for name in "def":
            corpus.put(writer, corpus.document(name))
            writer.commit(name)
            assert name in writer.view.document_ids
    assert [c.number for c in filled.versions()] == [4, 3, 2, 1, 0]
    assert filled.commit.identity == {"dense": {"model": "hash"}}


@pytest.mark.parametrize("second", [["d"], ["x", "d"]])
def test_two_documents_with_one_id_are_an_error_that_names_both(filled: Index, corpus: Any, second: list[str]) -> None:
    one, other = corpus.document("d", uri="/one.md"), corpus.document("d", uri="/two.md")
    with filled.writer() as writer:
        with pytest.raises(DocumentError, match=r"/one\.md and /two\.md"):
            corpus.put(writer, one, other)
        corpus.put(writer, one)
        with pytest.raises(DocumentError, match=r"/one\.md and /two\.md"):
            corpus.put(writer, *(corpus.document("x") if name == "x" else other for name in second))
        writer.commit("the first one stays")
    view = filled.view()
    assert view.document_ids == ["a", "b", "c", "d"]
    assert view.document("d") == one


def _passage(**changes: Any) -> Passage:
    return Passage(**{"id": "d#0", "document_id": "d", "ordinal": 0, "start": 6, "end": 10, "text": "Body", **changes})


@pytest.mark.parametrize(
    ("passage", "message"),
    [
        (_passage(document_id="e"), "not in the same batch"),
        (_passage(ordinal=1), "ordinal is 1 where 0"),
        (_passage(id="d-0"), "should be d#0"),
        (_passage(end=60), "not inside 0-10"),
        (_passage(end=6, text=""), "empty"),
        (_passage(text="Bodi"), "not what stands at its span"),
        (_passage(kind="poem"), "kind is 'poem'"),
        (_passage(context="\ud800"), "surrogate"),
    ],
)
def test_a_passage_that_does_not_open_to_its_text_is_refused(index: Index, passage: Passage, message: str) -> None:
    document = Document("d", "Name", (Section("", (Text("Body"),)),))
    with index.writer() as writer:
        writer.declare([])
        with pytest.raises(DocumentError, match=message):
            writer.put([document], [passage], {})
        writer.put([document], [_passage()], {})
        writer.commit("the right one")
    assert index.check() == []


@pytest.mark.parametrize("name", ["", "  ", "\ud800", "a\0b", "a\nb", "a\r", "a\u2028b"])
def test_an_impossible_id_is_refused(index: Index, name: str) -> None:
    source = Source("/in/a.md", "0", "markdown")
    with index.writer() as writer, pytest.raises(DocumentError, match=r"/in/a\.md"):
        writer.put([Document(name, "T", (), source=source)], [], {})


@pytest.mark.parametrize(
    "document",
    [
        Document("paper", "\ud800", ()),
        Document("paper", "T", (Section("\ud800", ()),)),
        Document("paper", "T", (Section("", (Text("\ud800"),)),)),
        Document("paper", "T", (), {"author": "\ud800"}),
        Document("paper", "T", (), {"\ud800": 1}),
        Document("paper", "T", (), source=Source("/in/\udcff.md", "0", "markdown")),
    ],
)
def test_half_a_surrogate_pair_is_refused_by_the_name_of_its_document(index: Index, document: Document) -> None:
    with index.writer() as writer, pytest.raises(DocumentError, match="paper") as caught:
        writer.declare([])
        writer.put([document], [], {})
    str(caught.value).encode()  # it can be printed


def test_half_a_surrogate_pair_in_a_note_is_kept(filled: Index) -> None:
    with filled.writer() as writer:
        writer.commit("from \ud800", notes={"folder": "\udcff"})
    commit = Index.open(filled.path).commit
    assert (commit.message, dict(commit.notes)) == ("from \ud800", {"folder": "\udcff"})


def test_removing_one_document_twice_counts_once(filled: Index) -> None:
    with filled.writer() as writer:
        assert writer.remove(["a", "a", "nowhere"]) == 1
        assert writer.remove(["a"]) == 0
        writer.commit("one less")
    assert filled.view().document_ids == ["b", "c"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.eye(2, 8) * 1.01, "length 1.01"),
        (np.full((2, 8), np.nan), "not finite"),
        (np.eye(2, 7), r"\(2, 7\) where \(2, 8\)"),
        (np.eye(3, 8), "3 values for 2"),
        (np.zeros((2, 8)), "length 0.0"),
        (np.eye(2, 8, dtype=np.int64), "int64"),
    ],
)
def test_a_vector_that_cannot_be_searched_is_refused(index: Index, corpus: Any, values: Any, message: str) -> None:
    document = corpus.document("d")
    with index.writer() as writer:
        writer.declare([VECTOR])
        with pytest.raises(ModelError, match=rf"dense\.vector.*{message}"):
            writer.put([document], corpus.passages([document]), {VECTOR.name: values})


@pytest.mark.parametrize("bag", [{"a": float("inf")}, {"a": "1"}, {1: 1.0}, {"\ud800": 1.0}, ["a"], None])
def test_a_bag_of_terms_that_is_none_is_refused(index: Index, corpus: Any, bag: Any) -> None:
    document = corpus.document("d")
    with index.writer() as writer:
        writer.declare([TERMS])
        with pytest.raises(ModelError, match=r"lexical\.terms.*d#1"):
            writer.put([document], corpus.passages([document]), {TERMS.name: [{"a": 1.0}, bag]})


def test_columns_that_were_not_declared_are_refused(filled: Index, corpus: Any) -> None:
    passages = corpus.passages([corpus.document("d")])
    with filled.writer() as writer, pytest.raises(IndexStoreError, match=r"\['lexical.terms'\]"):
        writer.put([corpus.document("d")], passages, {TERMS.name: [{}] * len(passages)})


@pytest.mark.parametrize("column", [Column("../x", "text"), Column("", "text"), Column("v", "vector")])
def test_impossible_columns_are_refused(index: Index, column: Column) -> None:
    with index.writer() as writer, pytest.raises(IndexStoreError):
        writer.declare([column])


def test_two_retrievers_cannot_declare_one_column_differently(index: Index) -> None:
    with index.writer() as writer:
        writer.declare([VECTOR, VECTOR])
        with pytest.raises(IndexStoreError, match="two retrievers"):
            writer.declare([VECTOR, Column(VECTOR.name, "vector", 9)])


def test_a_new_column_needs_values_for_all_rows(filled: Index, corpus: Any) -> None:
    number = Column("length", "number")
    with filled.writer() as writer:
        writer.declare([VECTOR, TERMS, number])
        with pytest.raises(IndexStoreError, match="0 of 6 passages"):
            writer.commit("too early")
        writer.fill("length", np.arange(6.0))
        writer.commit("in time")
    filled.rollback(1)
    versions = dict(filled.commit.tables)
    with filled.writer() as writer:
        writer.declare([VECTOR, TERMS, number])
        view = writer.view
        writer.fill("length", np.array([len(view.passage(row).text) for row in range(len(view))]))
        document = corpus.document("d")
        passages = corpus.passages([document])
        values = {**corpus.columns(passages), "length": np.array([len(p.text) for p in passages])}
        writer.put([document], passages, values)
        writer.commit("lengths")
    view = filled.view()
    assert [int(n) for n in view.values("length")] == [len(view.passage(row).text) for row in range(len(view))]
    assert filled.check() == []
    assert filled.view(1).columns == {VECTOR.name: VECTOR, TERMS.name: TERMS}
    assert set(filled.commit.tables) == {*versions, "column.length"}


def test_filling_a_column_touches_no_other_table(filled: Index) -> None:
    before = dict(filled.commit.tables)
    with filled.writer() as writer:
        writer.declare([VECTOR, TERMS, Column("t", "text")])
        writer.fill("t", list(writer.view.passage_ids))
        after = writer.commit("t").tables
    assert {name: after[name] for name in before} == before
    assert list(filled.view().values("t")) == list(filled.view().passage_ids)


def test_filling_again_replaces_the_values(filled: Index) -> None:
    with filled.writer() as writer:
        vectors = np.roll(writer.view.vectors(VECTOR.name), 1, axis=1)
        writer.fill(VECTOR.name, vectors)
        writer.commit("retrained")
    assert filled.view().vectors(VECTOR.name).tolist() == vectors.tolist()
    assert filled.view(1).vectors(VECTOR.name).tolist() == np.roll(vectors, -1, axis=1).tolist()
    assert filled.check() == []


def test_a_column_of_another_width_is_a_new_one(filled: Index, corpus: Any) -> None:
    wide = Column(VECTOR.name, "vector", 16)
    with filled.writer() as writer:
        writer.declare([wide])
        writer.fill(VECTOR.name, np.eye(6, 16, dtype=np.float32))
        writer.commit("wider")
    assert filled.view().vectors(VECTOR.name).shape == (6, 16)
    assert filled.view(1).vectors(VECTOR.name).shape == (6, 8)
    assert filled.check() == []
    filled.rollback(1)
    assert filled.view().vectors(VECTOR.name).shape == (6, 8)
    assert "braids" in "".join(filled.view().sparse(TERMS.name).vocabulary)
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("d"))
        writer.commit("onwards")
    assert filled.view().vectors(VECTOR.name).shape == (8, 8)
    assert filled.check() == []


def test_clearing_rebuilds_from_what_is_stored(filled: Index, corpus: Any) -> None:
    with filled.writer() as writer:
        view = writer.view
        writer.clear()
        for name in view.document_ids:
            corpus.put(writer, view.document(name))
        writer.commit("rebuild")
    assert filled.diff(1, 2) == Difference((), (), ())
    assert filled.view().vectors(VECTOR.name).tolist() == view.vectors(VECTOR.name).tolist()
    assert filled.check() == []


def test_a_moved_document_keeps_its_passages(filled: Index, corpus: Any) -> None:
    moved = corpus.document("b", uri="/new/b.md", year=2021)
    before = dict(filled.commit.tables)
    with filled.writer() as writer:
        writer.relocate([moved])
        after = writer.commit("moved").tables
    assert {name for name in after if after[name] != before[name]} == {"documents"}
    assert filled.view().document("b") == moved
    assert filled.sources()["/new/b.md"].document_ids == ("b",)
    assert "/corpus/b.md" not in filled.sources()
    assert filled.check() == []
    with filled.writer() as writer, pytest.raises(DocumentError, match=r"/corpus/b\.md"):
        writer.relocate([corpus.document("b", "Another text.")])


def test_rollback_shows_the_old_state_and_loses_nothing(filled: Index, corpus: Any) -> None:
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("b", "Changed."))
        writer.remove(["c"])
        writer.commit("regrettable", identity={"dense": {"model": "other"}})
    commit = filled.rollback(1)
    assert (commit.number, commit.parent, commit.message) == (3, 2, "roll back to commit 1")
    assert commit.identity == {"dense": {"model": "hash"}}
    assert filled.diff(1, 3) == Difference((), (), ())
    assert filled.check() == []
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("d"))
        writer.commit("onwards")
    assert filled.view().document_ids == ["a", "b", "c", "d"]
    assert filled.view(2).document_ids == ["a", "b"]
    assert filled.view(2).passage(filled.view(2).row("b#0")).text == "Changed."
    assert filled.check() == []
    with pytest.raises(IndexStoreError, match="0, 1, 2, 3, 4"):
        filled.rollback(17)


def test_identity_that_is_not_json_is_refused(filled: Index) -> None:
    with filled.writer() as writer:
        with pytest.raises(IndexStoreError, match="identity is not JSON"):
            writer.commit("x", identity={"when": object()})
        assert writer.commit("y", notes={"pair": (1, 2)}).notes == {"pair": [1, 2]}


def test_sources_tell_which_file_holds_what(filled: Index, corpus: Any) -> None:
    sources = filled.sources()
    assert sorted(sources) == ["/corpus/a.md", "/corpus/b.md", "/corpus/c.md"]
    document = corpus.document("a")
    assert sources["/corpus/a.md"].sha256 == document.source.sha256
    with filled.writer() as writer:
        corpus.put(writer, corpus.document("d", "Old.", uri="/all.jsonl"))
        corpus.put(writer, corpus.document("e", "New.", uri="/all.jsonl"))
        writer.commit("a file half way through its update")
    assert filled.sources()["/all.jsonl"].document_ids == ("d", "e")
    assert filled.sources()["/all.jsonl"].sha256 == ""
