"""Trained models inside the index folder: in use by commit, found again after a rollback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from plait.contracts.errors import IndexCorruptError, IndexFormatError
from plait.index import Index


def _keep(index: Index, folder: Path, content: str | None) -> None:
    with index.writer() as writer:
        if content is None:
            writer.keep_model("docgraph", None)
        else:
            folder.mkdir()
            (folder / "weights").write_text(content)
            writer.keep_model("docgraph", folder)
        writer.commit("trained", notes={"pipeline": "..."})


def _content(index: Index, commit: int | None = None) -> str | None:
    folder = index.view(commit).model("docgraph")
    return None if folder is None else (folder / "weights").read_text()


def test_a_model_is_in_use_from_its_commit_on(filled: Index, tmp_path: Path) -> None:
    _keep(filled, tmp_path / "made", "one")
    assert not (tmp_path / "made").exists()
    assert (_content(filled), _content(filled, 1)) == ("one", None)
    with filled.writer() as writer:
        writer.commit("something else", notes={"pipeline": "other"})
    assert _content(filled) == "one"
    assert filled.check() == []


def test_a_rollback_brings_back_the_model_it_had(filled: Index, tmp_path: Path) -> None:
    _keep(filled, tmp_path / "one", "one")
    _keep(filled, tmp_path / "two", "two")
    assert (_content(filled), _content(filled, 2)) == ("two", "one")
    filled.rollback(2)
    assert _content(filled) == "one"


def test_a_model_can_be_taken_out_of_use(filled: Index, tmp_path: Path) -> None:
    _keep(filled, tmp_path / "one", "one")
    _keep(filled, tmp_path / "gone", None)
    assert _content(filled) is None
    assert "models" not in filled.commit.notes


def test_equal_models_are_stored_once(filled: Index, tmp_path: Path) -> None:
    _keep(filled, tmp_path / "one", "same")
    _keep(filled, tmp_path / "two", "same")
    assert len(list((filled.path / "models").iterdir())) == 1


def test_models_that_no_kept_commit_uses_go(filled: Index, tmp_path: Path) -> None:
    index = Index.open(filled.path, keep_commits=2)
    for number in range(4):
        _keep(index, tmp_path / f"m{number}", str(number))
    assert sorted((folder / "weights").read_text() for folder in (index.path / "models").iterdir()) == ["2", "3"]


def test_a_preview_knows_the_model_that_is_about_to_be_used(filled: Index, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "weights").write_text("new")
    with filled.writer() as writer:
        writer.keep_model("docgraph", made)
        folder = writer.preview().model("docgraph")
        assert folder is not None
        assert (folder / "weights").read_text() == "new"
    assert _content(filled) is None


def test_a_missing_model_is_named(filled: Index, tmp_path: Path) -> None:
    _keep(filled, tmp_path / "one", "one")
    shutil.rmtree(filled.path / "models")
    assert ["missing" in finding.what for finding in filled.check()] == [True]
    with pytest.raises(IndexCorruptError, match="plait train docgraph"):
        filled.view().model("docgraph")


@pytest.mark.parametrize("named", ["../../etc", "a/b", ["x"], ""])
def test_a_commit_cannot_lead_outside_the_index(filled: Index, named: object) -> None:
    record = json.loads((filled.path / "index.json").read_text())
    record["notes"]["models"] = {"docgraph": named}
    (filled.path / "index.json").write_text(json.dumps(record))
    with pytest.raises(IndexFormatError, match="model 'docgraph'"):
        Index.open(filled.path).view().model("docgraph")


def test_a_damaged_model_is_named_and_made_whole_by_storing_it_again(filled: Index, tmp_path: Path) -> None:
    _keep(filled, tmp_path / "one", "one")
    folder = filled.view().model("docgraph")
    assert folder is not None
    (folder / "weights").write_text("0ne")
    assert ["not those that were stored" in finding.what for finding in filled.check()] == [True]
    with pytest.raises(IndexCorruptError, match="is damaged: its files are not those that were stored"):
        Index.open(filled.path).view().model("docgraph")
    _keep(filled, tmp_path / "again", "one")
    assert _content(filled) == "one"
    assert filled.check() == []
