"""Which files are found under a path, and what is said of the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plait.contracts import Document, ReadReport
from plait.contracts.errors import ReadError
from plait.rag.input_files import find_inputs


class Notes:
    """Accepts files that end in .md."""

    def accepts(self, path: Path) -> bool:
        return path.suffix == ".md"

    def read(self, path: Path, report: ReadReport) -> Iterator[Document]:
        yield Document(path.stem, path.stem, ())


class Folders:
    """Takes a folder that holds corpus.jsonl as one unit."""

    def accepts(self, path: Path) -> bool:
        return (path / "corpus.jsonl").is_file()

    def read(self, path: Path, report: ReadReport) -> Iterator[Document]:
        yield Document(path.stem, path.stem, ())


READERS = [("notes", Notes()), ("folders", Folders())]


def names(path: Path, report: ReadReport) -> list[str]:
    return [unit.path.relative_to(path).as_posix() for unit in find_inputs(path, READERS, report)]


def test_files_come_in_sorted_order_from_all_folders(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.md", "a/y.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert names(tmp_path, ReadReport()) == ["a/y.md", "a/z.md", "b.md"]


def test_a_folder_that_a_reader_takes_whole_is_not_walked(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "corpus.jsonl").write_text("")
    (tmp_path / "set" / "note.md").write_text("x")
    units = list(find_inputs(tmp_path, READERS, ReadReport()))
    assert [(unit.path.name, unit.reader) for unit in units] == [("set", "folders")]


def test_what_no_reader_accepts_is_counted_by_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").write_bytes(b"x")
    report = ReadReport()
    assert names(tmp_path, report) == []
    assert report.skipped == {(str(tmp_path), "no reader for .png"): 2}


def test_hidden_files_and_indexes_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.md").write_text("x")
    (tmp_path / "old.plait" / "tables").mkdir(parents=True)
    (tmp_path / "old.plait" / "index.json").write_text("{}")
    (tmp_path / "old.plait" / "a.md").write_text("x")
    report = ReadReport()
    assert names(tmp_path, report) == []
    assert sum(report.skipped.values()) == 2


def test_a_link_that_leads_outside_is_a_failure_and_the_rest_goes_on(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (tmp_path / "secret.md").write_text("x")
    (corpus / "leak.md").symlink_to(tmp_path / "secret.md")
    (corpus / "open.md").write_text("x")
    report = ReadReport()
    assert names(corpus, report) == ["open.md"]
    assert "leads outside the corpus" in str(report.failures[0])
    assert "leak.md" in str(report.failures[0])


def test_a_link_that_stays_inside_is_not_read_twice(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x")
    (tmp_path / "b.md").symlink_to(tmp_path / "a.md")
    report = ReadReport()
    assert names(tmp_path, report) == ["a.md"]
    assert not report.failures
    assert sum(report.skipped.values()) == 1


def test_a_folder_link_in_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert names(tmp_path, ReadReport()) == ["a.md"]


def test_a_dangling_link_is_a_failure_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "gone.md").symlink_to(tmp_path / "nothing.md")
    report = ReadReport()
    assert names(tmp_path, report) == []
    assert "gone.md" in str(report.failures[0])


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file or folder"):
        list(find_inputs(tmp_path / "nowhere", READERS, ReadReport()))


def test_a_single_file_that_nobody_reads_is_an_error_with_the_choices(tmp_path: Path) -> None:
    (tmp_path / "a.exe").write_bytes(b"x")
    with pytest.raises(ReadError, match=r"a\.exe.*Choices: notes, folders"):
        list(find_inputs(tmp_path / "a.exe", READERS, ReadReport()))
