from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from plait.contracts.errors import IndexLockedError
from plait.index import Index


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
