"""Adding, changing and removing documents, and what goes wrong in some of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.contracts import Document, Passage, ReadReport
from plait.contracts.errors import DocumentError, IdentityError
from plait.rag import Rag, open_index

LEXICAL = Pipeline(retrievers=(use("lexical"),))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write(folder, "braids", "Three strands are braided into one.")
    write(folder, "graphs", "A graph has nodes and edges.")
    return folder


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with open_index(tmp_path / "index", LEXICAL) as opened:
        yield opened


def write(folder: Path, name: str, text: str, identifier: str | None = None) -> Path:
    path = folder / f"{name}.md"
    path.write_text(f"---\nid: {identifier or name}\ntitle: On {name}\n---\n\n{text}\n")
    return path


def found(rag: Rag, question: str) -> list[str]:
    return [hit.document_id for hit in rag.retrieve(question, k=5)]


def test_new_documents_are_found_afterwards(rag: Rag, corpus: Path) -> None:
    summary = rag.add(corpus)
    assert sorted(summary.added) == ["braids", "graphs"]
    assert found(rag, "strands") == ["braids"]


def test_adding_the_same_files_again_makes_no_commit(rag: Rag, corpus: Path) -> None:
    first = rag.add(corpus)
    second = rag.add(corpus)
    assert (second.added, second.updated, second.unchanged, second.commit) == ([], [], 2, first.commit)


def test_a_changed_file_replaces_exactly_its_own_rows(rag: Rag, corpus: Path) -> None:
    rag.add(corpus)
    write(corpus, "graphs", "Vertices and arcs.")
    summary = rag.add(corpus)
    assert (summary.updated, summary.unchanged) == (["graphs"], 1)
    assert found(rag, "vertices") == ["graphs"]
    assert found(rag, "nodes") == []
    assert rag.index.check() == []


def test_one_changed_line_of_a_collection_costs_one_document(rag: Rag, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    lines = [f'{{"_id": "d{i}", "title": "T{i}", "text": "word{i}"}}' for i in range(5)]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    rag.add(folder)
    lines[2] = '{"_id": "d2", "title": "T2", "text": "other"}'
    del lines[4]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    summary = rag.add(folder)
    assert (summary.updated, summary.removed, summary.unchanged) == (["d2"], ["d4"], 3)
    assert rag.add(folder).unchanged == 4
    assert rag.index.check() == []


def test_a_touched_file_with_the_same_content_is_not_encoded_again(rag: Rag, corpus: Path) -> None:
    rag.add(corpus)
    path = corpus / "graphs.md"
    path.write_text(path.read_text() + "\n\n")
    summary = rag.add(corpus)
    assert (summary.updated, summary.unchanged, summary.passages) == ([], 2, 0)


def test_a_missing_file_is_named_and_pruned_only_on_request(rag: Rag, corpus: Path) -> None:
    rag.add(corpus)
    (corpus / "graphs.md").unlink()
    assert rag.add(corpus).missing == ["graphs"]
    assert found(rag, "nodes") == ["graphs"]
    assert rag.add(corpus, prune=True).removed == ["graphs"]
    assert found(rag, "nodes") == []


def test_a_moved_file_keeps_its_document(rag: Rag, corpus: Path) -> None:
    rag.add(corpus)
    (corpus / "graphs.md").rename(corpus / "networks.md")
    summary = rag.add(corpus, prune=True)
    assert (summary.failures, summary.removed) == ([], [])
    assert found(rag, "nodes") == ["graphs"]


def test_removed_documents_leave_nothing_behind(rag: Rag, corpus: Path) -> None:
    rag.add(corpus)
    rag.remove("braids")
    assert found(rag, "strands") == []
    assert rag.index.check() == []
    assert list(rag.view.document_ids) == ["graphs"]


def test_a_removed_record_of_a_collection_comes_back_when_its_file_is_added_again(rag: Rag, tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    folder.mkdir()
    lines = [json.dumps({"_id": name, "title": name, "text": f"About {name}."}) for name in ("a", "b", "c")]
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    rag.add(folder)
    rag.remove("b")
    summary = rag.add(folder)
    assert (summary.added, summary.unchanged) == (["b"], 2)
    again = rag.add(folder)
    assert (again.added, again.commit) == ([], summary.commit)


def test_removing_an_unknown_id_removes_nothing(rag: Rag, corpus: Path) -> None:
    rag.add(corpus)
    with pytest.raises(DocumentError, match="no such document: nope"):
        rag.remove("graphs", "nope")
    assert found(rag, "nodes") == ["graphs"]


def test_the_second_document_with_one_id_is_refused_and_the_first_stays(rag: Rag, corpus: Path) -> None:
    write(corpus, "imposter", "Something else entirely.", identifier="graphs")
    summary = rag.add(corpus)
    assert sorted(summary.added) == ["braids", "graphs"]
    assert "a second document with the id 'graphs'" in str(summary.failures[0])
    assert found(rag, "nodes") == ["graphs"]


def test_an_id_that_another_living_file_holds_is_refused_in_a_later_run(rag: Rag, corpus: Path, tmp_path: Path) -> None:
    rag.add(corpus)
    other = tmp_path / "other"
    other.mkdir()
    write(other, "imposter", "Something else entirely.", identifier="graphs")
    summary = rag.add(other)
    assert "graphs.md is kept" in str(summary.failures[0])
    assert found(rag, "nodes") == ["graphs"]


def test_bad_files_are_named_and_the_others_go_on(rag: Rag, corpus: Path) -> None:
    (corpus / "empty.txt").write_text("")
    (corpus / "binary.txt").write_bytes(b"\x00\x01\x02")
    (corpus / "latin.txt").write_bytes("Käse".encode("latin-1"))
    (corpus / "short.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n")
    summary = rag.add(corpus)
    assert sorted(summary.added) == ["braids", "graphs"]
    text = "\n".join(str(error) for error in summary.failures)
    assert len(summary.failures) == 4
    for name in ("empty.txt", "binary.txt", "latin.txt", "short.pdf"):
        assert name in text
    assert text.count("Fix:") == 4


def test_a_rebuild_needs_no_files(rag: Rag, corpus: Path, tmp_path: Path) -> None:
    rag.add(corpus)
    for path in corpus.iterdir():
        path.unlink()
    other = Pipeline(retrievers=(use("lexical", stemmer="german"),))
    with open_index(tmp_path / "index", other) as changed:
        with pytest.raises(IdentityError, match="stemmer"):
            changed.retrieve("strands")
        summary = changed.rebuild()
        assert sorted(summary.updated) == ["braids", "graphs"]
        assert found(changed, "strands") == ["braids"]
        assert changed.index.check() == []


def test_adding_with_other_settings_is_refused_before_anything_is_written(
    rag: Rag, corpus: Path, tmp_path: Path
) -> None:
    commit = rag.add(corpus).commit
    other = Pipeline(retrievers=(use("lexical", stemmer="german"),))
    with open_index(tmp_path / "index", other) as changed, pytest.raises(IdentityError, match="plait index rebuild"):
        changed.add(corpus)
    assert rag.index.commit.number == commit


def test_the_pipeline_is_remembered_as_data(rag: Rag, corpus: Path, tmp_path: Path) -> None:
    rag.add(corpus)
    with open_index(tmp_path / "index") as again:
        assert again.pipeline == LEXICAL


def test_a_run_that_broke_off_within_a_collection_is_completed(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    lines = [f'{{"_id": "d{i}", "title": "T{i}", "text": "word{i}"}}' for i in range(9)]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr("plait.rag.ingest.BATCH_PASSAGES", 2)
    chunk = rag.parts.chunker.chunk
    calls = iter(range(100))

    def breaks_at_the_sixth(document: Document) -> Sequence[Passage]:
        if next(calls) == 5:
            raise KeyboardInterrupt
        return chunk(document)

    monkeypatch.setattr(rag.parts.chunker, "chunk", breaks_at_the_sixth)
    with pytest.raises(KeyboardInterrupt):
        rag.add(folder)
    assert len(rag.view.document_ids) == 4
    monkeypatch.undo()
    assert len(rag.add(folder).added) == 5
    assert len(rag.view.document_ids) == 9
    assert rag.add(folder).unchanged == 9


def test_a_broken_record_is_reported_again_by_the_next_run(rag: Rag, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "a", "title": "A", "text": "good"}\n{"_id": \n')
    assert len(rag.add(folder).failures) == 1
    again = rag.add(folder)
    assert (len(again.failures), again.unchanged) == (1, 1)
    assert found(rag, "good") == ["a"]


def test_one_file_under_two_spellings_is_one_document(rag: Rag, corpus: Path, tmp_path: Path) -> None:
    rag.add(corpus)
    (tmp_path / "link").symlink_to(corpus, target_is_directory=True)
    write(corpus, "graphs", "Vertices and arcs.")
    for spelling in (corpus / ".." / corpus.name, tmp_path / "link"):
        assert rag.add(spelling).failures == []
    assert found(rag, "vertices") == ["graphs"]
    (corpus / "graphs.md").unlink()
    assert rag.add(tmp_path / "link", prune=True).removed == ["graphs"]


def test_a_document_that_cannot_be_stored_does_not_hold_up_the_others(rag: Rag, corpus: Path) -> None:
    (corpus / "half.md").write_text('---\nid: "a\\ud800b"\n---\n\nx\n')
    (corpus / "title.md").write_text('---\nid: title\ntitle: "a\\ud800b"\n---\n\nx\n')
    summary = rag.add(corpus)
    assert sorted(summary.added) == ["braids", "graphs"]
    assert "half.md" in str(summary.failures[0])
    assert "title.md" in str(summary.failures[1])
    assert rag.index.check() == []


def test_a_file_name_that_is_not_unicode_is_named_and_left_out(rag: Rag, corpus: Path) -> None:
    Path(os.fsdecode(os.fsencode(corpus) + b"/\xff\xfe.md")).write_text("text")
    summary = rag.add(corpus)
    assert sorted(summary.added) == ["braids", "graphs"]
    assert "the file name is not UTF-8" in str(summary.failures[0])


def test_a_reader_that_fails_costs_its_file_alone(rag: Rag, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = rag.parts.readers["markdown"]
    read = reader.read

    def fails_on_braids(path: Path, report: ReadReport) -> Iterator[Document]:
        if path.stem == "braids":
            raise ValueError("no strands")
        return read(path, report)

    monkeypatch.setattr(reader, "read", fails_on_braids)
    summary = rag.add(corpus)
    assert summary.added == ["graphs"]
    assert "the reader 'markdown' failed (ValueError: no strands)" in str(summary.failures[0])
    assert "braids.md" in str(summary.failures[0])


def test_a_chunker_that_fails_costs_one_document(rag: Rag, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = rag.parts.chunker.chunk

    def fails_on_braids(document: Document) -> Sequence[Passage]:
        if document.id == "braids":
            raise ValueError("no words")
        return chunk(document)

    monkeypatch.setattr(rag.parts.chunker, "chunk", fails_on_braids)
    summary = rag.add(corpus)
    assert summary.added == ["graphs"]
    assert "chunker 'sections' failed (ValueError: no words)" in str(summary.failures[0])


def test_an_index_rolled_back_to_nothing_can_be_filled_again(rag: Rag, corpus: Path) -> None:
    rag.add(corpus)
    rag.index.rollback(0)
    assert found(rag, "strands") == []
    assert len(rag.add(corpus).added) == 2
    assert found(rag, "strands") == ["braids"]


def test_what_was_found_belongs_to_one_snapshot_while_others_write(rag: Rag, corpus: Path, tmp_path: Path) -> None:
    rag.add(corpus)
    retrieval = rag.retrieve_all("strands")
    with open_index(tmp_path / "index") as other:
        other.remove("braids")
    (hit,) = retrieval.fused
    assert retrieval.view.passage(hit.row).id == hit.passage_id
