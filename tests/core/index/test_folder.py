from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plait.contracts.errors import (
    IndexCorruptError,
    IndexFormatError,
    IndexLockedError,
    IndexNotFoundError,
    IndexStoreError,
)
from plait.index import Index, folder
from plait.index.folder import write_lock


def test_an_empty_index_opens_as_commit_zero(tmp_path: Path) -> None:
    Index.create(tmp_path)
    index = Index.open(tmp_path)
    assert index.commit.number == 0
    assert len(index.view()) == 0
    assert index.view().document_ids == []
    assert index.view().allowed({"year": 1}) is not None
    assert index.check() == []
    assert dict(index.sources()) == {}
    assert [commit.number for commit in index.versions()] == [0]


def test_an_index_is_not_made_over_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(IndexStoreError, match=r"thesis\.tex"):
        Index.create(tmp_path)
    with pytest.raises(IndexStoreError, match="a file"):
        Index.create(tmp_path / "thesis.tex")
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_index_is_not_made_over_another(filled: Index) -> None:
    with pytest.raises(IndexStoreError, match="already"):
        Index.create(filled.path)
    assert filled.commit.number == 1


def test_an_index_that_is_still_empty_is_left_as_it_is(index: Index) -> None:
    before = (index.path / "index.json").read_bytes()
    Index.create(index.path)
    assert (index.path / "index.json").read_bytes() == before


def test_an_index_that_lost_its_index_json_is_kept_and_can_be_restored(filled: Index) -> None:
    (filled.path / "index.json").unlink()
    before = sorted(path for path in filled.path.rglob("*") if path.name != "index.lock")
    assert Index.exists(filled.path)
    with pytest.raises(IndexCorruptError, match=r"lost its index\.json.*cp '.*1\.json' '.*index\.json'"):
        Index.open(filled.path)
    with pytest.raises(IndexCorruptError, match=r"cp '.*1\.json'"):
        Index.create(filled.path)
    assert sorted(path for path in filled.path.rglob("*") if path.name != "index.lock") == before
    shutil.copy(filled.path / "commits" / "1.json", filled.path / "index.json")
    assert len(Index.open(filled.path).view()) == 6
    assert Index.open(filled.path).check() == []


def test_tables_without_any_commit_are_not_overwritten(filled: Index) -> None:
    (filled.path / "index.json").unlink()
    shutil.rmtree(filled.path / "commits")
    assert Index.exists(filled.path)
    with pytest.raises(IndexCorruptError, match="backup"):
        Index.create(filled.path)


def test_several_processes_may_make_one_index_at_once(tmp_path: Path) -> None:
    code = """
import sys
from plait.index import Index
print("ready", flush=True)
sys.stdin.readline()
for n in range(10):
    with Index.create(f"{sys.argv[1]}/{n}").writer(60) as writer:
        pass
"""
    others = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for other in others:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
    for other in others:
        assert other.stdin is not None
        other.stdin.write("\n")
        other.stdin.flush()
    for other in others:
        other.communicate(timeout=120)
    assert [other.returncode for other in others] == [0] * 4
    assert [Index.open(tmp_path / str(n)).commit.number for n in range(10)] == [0] * 10


def test_a_slow_creator_never_hides_what_was_committed_meanwhile(tmp_path: Path, monkeypatch: Any) -> None:
    """Another process makes the index and commits, between this one's first look and its lock."""

    @contextmanager
    def late(path: Path, timeout: float) -> Iterator[None]:
        monkeypatch.undo()
        with Index.create(path).writer() as writer:
            writer.commit("first")
        with write_lock(path, timeout):
            yield

    monkeypatch.setattr(folder, "write_lock", late)
    assert Index.create(tmp_path / "papers").commit.number == 1


def test_a_half_made_index_can_be_made_again(tmp_path: Path) -> None:
    (tmp_path / "commits").mkdir()
    (tmp_path / ".index.json.tmp").write_text("{")
    assert Index.create(tmp_path).commit.number == 0


def test_a_folder_without_an_index_says_how_to_make_one(tmp_path: Path) -> None:
    assert not Index.exists(tmp_path)
    with pytest.raises(IndexNotFoundError, match="plait index add"):
        Index.open(tmp_path)
    with pytest.raises(IndexNotFoundError):
        Index.open(tmp_path / "nowhere")


def test_a_newer_format_is_refused_and_left_alone(filled: Index) -> None:
    place = filled.path / "index.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "format": 2}))
    before = sorted((path, path.stat().st_mtime_ns) for path in filled.path.rglob("*"))
    with pytest.raises(IndexFormatError, match="upgrade"):
        Index.open(filled.path)
    with pytest.raises(IndexFormatError, match="upgrade"), filled.writer():
        pass
    after = [(path, time) for path, time in sorted((p, p.stat().st_mtime_ns) for p in filled.path.rglob("*"))
             if path.name != "index.lock" and path.is_file()]  # fmt: skip
    assert [entry for entry in before if entry[0].is_file() and entry[0].name != "index.lock"] == after


def test_a_linked_index_json_is_not_followed(filled: Index, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_bytes((filled.path / "index.json").read_bytes())
    (filled.path / "index.json").unlink()
    (filled.path / "index.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(IndexFormatError, match="symbolic link"):
        Index.open(filled.path)


@pytest.mark.parametrize("part", ["tables", "commits"])
def test_folders_that_lead_outside_are_not_followed(filled: Index, tmp_path: Path, part: str) -> None:
    (filled.path / part).rename(tmp_path / part)
    (filled.path / part).symlink_to(tmp_path / part)
    with pytest.raises(IndexFormatError, match=f"{part} is a symbolic link"):
        Index.open(filled.path)


def test_the_index_folder_itself_may_be_a_link(filled: Index, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(filled.path)
    assert len(Index.open(tmp_path / "link").view()) == 6


def test_a_damaged_history_file_is_named(filled: Index) -> None:
    (filled.path / "commits" / "0.json").write_text("{")
    with pytest.raises(IndexCorruptError, match=r"0\.json.*delete this file"):
        filled.versions()
    assert [(f.severity, f.where) for f in filled.check()] == [("warning", "commit 0")]


def test_opening_an_index_imports_neither_lance_nor_arrow(filled: Index) -> None:
    code = (
        "import sys; from plait.index import Index; i = Index.open(sys.argv[1]); i.versions(); i.commit\n"
        "print(sorted({'lancedb', 'pyarrow', 'torch', 'pandas', 'filelock'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code, filled.path], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_a_second_writer_is_told_who_holds_the_lock(filled: Index) -> None:
    with (
        filled.writer(),
        pytest.raises(IndexLockedError, match=rf"process {os.getpid()} on .* since 20.*waited 0 s.*larger timeout"),
        Index.open(filled.path).writer(timeout=0),
    ):
        pass


def test_the_lock_is_free_again_after_an_error(filled: Index) -> None:
    with pytest.raises(ZeroDivisionError), filled.writer():
        _ = 1 / 0
    with filled.writer(timeout=0) as writer:
        assert writer.view.commit == 1
    assert not (filled.path / "writer.json").exists()


def test_another_process_is_kept_out_and_named(filled: Index) -> None:
    code = (
        "import sys; from plait.index import Index\n"
        "with Index.open(sys.argv[1]).writer(): print('in', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(filled.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "in\n"
    with pytest.raises(IndexLockedError, match=f"process {other.pid}"), filled.writer(timeout=0.1):
        pass
    assert len(Index.open(filled.path).view()) == 6  # reading needs no lock
    other.kill()
    other.communicate()
    assert json.loads((filled.path / "writer.json").read_text())["pid"] == other.pid
    with filled.writer(timeout=5) as writer:  # a killed writer holds nothing
        assert writer.view.commit == 1


def test_two_writers_take_turns_and_lose_nothing(filled: Index, corpus: Any) -> None:
    problems: list[BaseException] = []

    def write(lane: str) -> None:
        try:
            index = Index.open(filled.path)
            for n in range(6):
                with index.writer(timeout=120) as writer:
                    corpus.put(writer, corpus.document(f"{lane}{n}"))
                    writer.commit(f"{lane}{n}")
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(lane,)) for lane in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert filled.commit.number == 13
    assert set(filled.view().document_ids) == {*"abc", *(f"{lane}{n}" for lane in "xy" for n in range(6))}
    assert filled.check() == []


def test_readers_go_on_while_another_process_commits(filled: Index) -> None:
    """Every view a reader gets is whole: each commit rewrites all three documents with one and the same text."""
    code = """
import sys
import numpy as np
from plait.contracts import Document, Passage, Section, Text
from plait.index import Index
with Index.open(sys.argv[1], keep_commits=3).writer() as writer:
    for n in range(12):
        documents = [Document(name, "T", (Section("", (Text(f"version {n}"),)),)) for name in "abc"]
        passages = [Passage(f"{d.id}#0", d.id, 0, 3, len(d.text), d.text[3:]) for d in documents]
        terms = [{f"version{n}": 1.0}] * 3
        writer.put(documents, passages, {"dense.vector": np.eye(3, 8, dtype=np.float32), "lexical.terms": terms})
        writer.commit(str(n))
"""
    other = subprocess.Popen([sys.executable, "-c", code, str(filled.path)])
    index = Index.open(filled.path)
    seen: list[int] = []
    while other.poll() is None or seen[-1] != 13:
        view = index.view()
        seen.append(view.commit)
        texts = {view.passage(row).text for row in range(len(view))}
        terms = set(view.sparse("lexical.terms").vocabulary)
        assert view.vectors("dense.vector").shape == (len(view), 8)
        if view.commit > 1:
            assert texts == {f"version {view.commit - 2}"}
            assert terms == {f"version{view.commit - 2}"}
    assert other.returncode == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
