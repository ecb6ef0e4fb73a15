from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from plait.contracts import Column
from plait.index import Index
from plait.index.store import Store

KILLS = 32
ALL = [f"d{n:03}" for n in range(60)]


class Writers:
    """Starts writers in forked processes of one warm process, one at a time."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin, self._stdout = stdin, stdout

    def start(self, path: Path, log: Path) -> int:
        """Starts one, waits until it has begun, and gives its process id."""
        log.unlink(missing_ok=True)
        self._stdin.write(f"{path}\t{log}\n")
        self._stdin.flush()
        pid = int(self._stdout.readline())
        while not log.exists() or not log.read_text():
            time.sleep(0.001)
        return pid

    def end(self) -> int:
        """Waits for it; its exit code, negative for a signal."""
        self._stdin.write("\n")
        self._stdin.flush()
        return int(self._stdout.readline())


@pytest.fixture
def writers() -> Iterator[Writers]:
    script = Path(__file__).with_name("crash_worker.py")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::RuntimeWarning", str(script)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield Writers(process.stdin, process.stdout)
    process.stdin.close()
    process.stdout.close()
    process.wait()


def _commits(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split() if line.isdigit()]


def _is_ahead(path: Path) -> bool:
    """Whether a killed writer left something in the tables that no commit names."""
    tables = path / "tables"
    committed = Index.open(path).commit.tables
    store = Store(tables)
    for name in (entry.name.removesuffix(".lance") for entry in tables.iterdir()):
        if name not in committed:
            return True
        table = store.open(name, committed[name])
        table.checkout_latest()
        if table.version != committed[name]:
            return True
    return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL and fork")
def test_a_writer_killed_at_any_moment_leaves_the_last_commit_whole(tmp_path: Path, writers: Writers) -> None:
    """32 times: check passes after the kill, no commit that was told of is gone, and a last run completes."""
    chance = np.random.default_rng(11)
    log = tmp_path / "log"
    paths = [tmp_path / "0"]
    kills = before = left_something = 0
    while kills < KILLS:
        pid = writers.start(paths[-1], log)
        time.sleep(chance.uniform(0.0, 0.5))
        os.kill(pid, signal.SIGKILL)
        code = writers.end()
        assert code in (0, -signal.SIGKILL), "the writer failed by itself"
        if not Index.exists(paths[-1]):
            kills += 1
            continue
        index = Index.open(paths[-1], keep_commits=6)
        number = index.commit.number
        assert number >= max([before, *_commits(log)])
        assert index.check() == []
        assert len(index.view().document_ids) == index.commit.counts["documents"]
        for commit in index.versions():
            assert len(index.view(commit.number)) == commit.counts["passages"]
        kills += code == -signal.SIGKILL
        left_something += _is_ahead(paths[-1])
        before = number
        if code == 0:  # all documents are in: the next kill shall meet a writer at work again
            paths.append(tmp_path / str(len(paths)))
            before = 0
    assert left_something >= 5, "the kills missed the moments that matter"
    for path in paths:
        writers.start(path, log)
        assert writers.end() == 0
        index = Index.open(path)
        assert (index.view().document_ids, len(index.view())) == (ALL, 180)
        assert index.check() == []


def test_what_a_killed_writer_left_is_in_nobodys_way(filled: Index) -> None:
    tables = filled.path / "tables"
    for name in ("column.fresh.lance", "strangers.lance"):
        (tables / name / "data").mkdir(parents=True)
        (tables / name / "_versions").mkdir()
        (tables / name / "_versions" / "18446744073709551614.manifest").write_bytes(b"half a mani")

    with filled.writer() as writer:
        writer.declare([*writer.view.columns.values(), Column("fresh", "text")])
        writer.fill("fresh", list(writer.view.passage_ids))
        writer.commit("fresh")
    assert list(filled.view().values("fresh")) == list(filled.view().passage_ids)
    assert filled.check() == []
