"""A command line that runs in this process, and a small index to run it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plait.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def plait(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line and returns (exit status, standard output, standard error)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture
def lexical(tmp_path: Path) -> Path:
    path = tmp_path / "lexical.toml"
    path.write_text('retrievers = [{ use = "lexical" }]\n')
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "braids.md").write_text("---\nid: braids\ntitle: On braids\n---\n\nThree strands make one braid.\n")
    (folder / "graphs.md").write_text("---\nid: graphs\ntitle: On graphs\n---\n\nA graph has nodes and edges.\n")
    return folder


@pytest.fixture
def index(plait: Run, corpus: Path, lexical: Path, tmp_path: Path) -> Path:
    place = tmp_path / "papers.plait"
    assert plait("index", "add", corpus, "--index", place, "--pipeline", lexical)[0] == 0
    return place
