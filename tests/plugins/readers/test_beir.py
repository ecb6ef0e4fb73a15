"""A BEIR folder becomes one document a line; a bad line never takes the others with it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from plait.contracts import Document, Reader, ReadReport
from plait.contracts.errors import DocumentError, ReadError
from plait.readers.beir import BeirReader

Write = Callable[[str, str | bytes], Path]

GOOD = {
    "_id": "1",
    "title": "On  braids",
    "text": "One.\n\nTwo.\n",
    "metadata": {"authors": "Ada Byron", "year": "1958", "venue": "CACM", "references": ["2", 3], "note": {"a": None}},
    "url": "https://a.org",
}


def read(path: Path) -> tuple[list[Document], ReadReport]:
    report = ReadReport()
    return list(BeirReader().read(path, report)), report


def test_folder_and_file_are_accepted(write: Write, tmp_path: Path) -> None:
    file = write("corpus.jsonl", json.dumps(GOOD))
    assert isinstance(BeirReader(), Reader)
    assert BeirReader().accepts(file)
    assert BeirReader().accepts(tmp_path)
    assert not BeirReader().accepts(write("queries.jsonl", "{}"))
    assert not BeirReader().accepts(write("x/a.txt", "").parent)


def test_a_record_becomes_a_document_with_its_metadata(write: Write, tmp_path: Path) -> None:
    file = write("corpus.jsonl", json.dumps(GOOD) + "\n\n")
    (document,), report = read(tmp_path)
    assert (document.id, document.title) == ("1", "On braids")
    assert [block.text for block in document.sections[0].blocks] == ["One.", "Two."]
    assert document.sections[0].title == ""
    assert document.metadata == {
        "authors": ["Ada Byron"],
        "year": 1958,
        "venue": "CACM",
        "note": {"a": None},
        "url": "https://a.org",
    }
    assert [dict(reference.identifiers) for reference in document.references] == [{"id": "2"}, {"id": "3"}]
    assert document.source is not None
    assert (document.source.uri, document.source.part) == (file.as_posix(), "1")
    assert document.source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert not report.failures
    assert not report.skipped


def test_a_title_alone_is_a_document(write: Write) -> None:
    (document,), _ = read(write("corpus.jsonl", '{"_id": 7, "title": "T", "text": ""}'))
    assert (document.id, document.text) == ("7", "T")


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (b'{"_id": "2", "text": "a"', "not JSON"),
        (b'["a"]', "a list, not an object"),
        (b'{"text": "a"}', "_id is None"),
        (b'{"_id": "", "text": "a"}', "_id is ''"),
        (b'{"_id": true, "text": "a"}', "_id is True"),
        (b'{"_id": "2", "text": 5}', "text is a int"),
        (b'{"_id": "2", "text": "a", "metadata": []}', None),
        (b'{"_id": "2", "text": "a", "metadata": [1]}', "metadata is a list"),
        (b'{"_id": "2", "text": "a", "metadata": {"x": NaN}}', "NaN is not JSON"),
        (b'{"_id": "2", "text": "caf\xe9"}', "byte .* is not UTF-8"),
        (b'{"_id": "2", "text": "\\ud800"}', "surrogate"),
        (b'{"_id": "2", "text": "a", "metadata": {"x": ' + b"[" * 90 + b"]" * 90 + b"}}", "nested deeper"),
        (b'{"_id": "2", "text": "a", "metadata": {"x": ' + b"[" * 9_000 + b"]" * 9_000 + b"}}", "nested"),
    ],
)
def test_a_broken_line_is_reported_with_its_number_and_the_others_go_on(
    write: Write, line: bytes, match: str | None
) -> None:
    good = json.dumps(GOOD).encode()
    last = json.dumps({"_id": "9", "text": "b"}).encode()
    file = write("corpus.jsonl", good + b"\n" + line + b"\n" + last + b"\n")
    documents, report = read(file)
    if match is None:
        assert [document.id for document in documents] == ["1", "2", "9"]
        return
    assert [document.id for document in documents] == ["1", "9"]
    (failure,) = report.failures
    assert isinstance(failure, ReadError)
    with pytest.raises(ReadError, match=match):
        raise failure
    assert f"{file}:2" in str(failure)


def test_a_repeated_id_is_reported_and_the_first_is_kept(write: Write) -> None:
    documents, report = read(write("corpus.jsonl", '{"_id": "a", "text": "1"}\n{"_id": "a", "text": "2"}\n'))
    assert [document.text for document in documents] == ["1"]
    (failure,) = report.failures
    assert isinstance(failure, DocumentError)
    assert "'a' was already used in line 1" in str(failure)


def test_metadata_in_another_form_is_kept_under_another_name_and_counted(write: Write) -> None:
    (document,), report = read(write("corpus.jsonl", '{"_id": "a", "text": "1", "metadata": {"year": "about 1958"}}'))
    assert document.metadata == {"year_as_given": "about 1958"}
    assert sum(report.skipped.values()) == 1


def test_a_record_without_any_text_is_counted(write: Write) -> None:
    documents, report = read(write("corpus.jsonl", '{"_id": "a", "text": ""}\n{"_id": "b", "text": "x"}'))
    assert [document.id for document in documents] == ["b"]
    assert sum(report.skipped.values()) == 1


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_corpus_without_records_is_refused(write: Write, content: str) -> None:
    with pytest.raises(ReadError, match="not a single record"):
        read(write("corpus.jsonl", content))


def test_a_line_beyond_the_limit_is_reported_without_being_held(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plait.readers.beir._MAX_LINE", 1_000)
    long = json.dumps({"_id": "a", "text": "x" * 5_000})
    documents, report = read(write("corpus.jsonl", f'{long}\n{{"_id": "b", "text": "y"}}\n'))
    assert [document.id for document in documents] == ["b"]
    assert "longer than 1,000 bytes" in str(report.failures[0])
    assert ":1:" in str(report.failures[0])


def test_citations_beside_the_corpus_add_to_the_references_of_the_records(write: Write) -> None:
    lines = [{"_id": "a", "text": "1", "metadata": {"references": ["b"]}}, {"_id": "b", "text": "2"}]
    corpus = write("corpus.jsonl", "\n".join(map(json.dumps, lines)))
    (alone, _), _ = read(corpus)
    write("citations.tsv", "citing\tcited\na\tb\na\tc\nb\tc\nb\tc\n\nelsewhere\ta\n")
    (first, second), report = read(corpus)
    assert [reference.identifiers["id"] for reference in first.references] == ["b", "c"]
    assert [reference.identifiers["id"] for reference in second.references] == ["c"]
    assert not report.failures
    # Another table is another source, so that an index reads the corpus again.
    assert alone.source is not None and first.source is not None and alone.source.sha256 != first.source.sha256


@pytest.mark.parametrize(
    ("table", "said"), [("from\tto\na\tb\n", "begin with the header"), ("citing\tcited\na b\n", r"tsv:2.*not two ids")]
)
def test_a_table_of_another_form_is_refused(write: Write, table: str, said: str) -> None:
    corpus = write("corpus.jsonl", json.dumps(GOOD))
    write("citations.tsv", table)
    with pytest.raises(ReadError) as refused:
        read(corpus)
    assert re.search(said, str(refused.value))
