"""Models that were trained on an index lie in its folder, each under the hash of its content.

A commit's notes say which are in use, so that a rollback brings back the model together with the vectors it made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from plait.contracts.errors import IndexFormatError
from plait.index.commit import TABLE_NAME, Commit
from plait.index.folder import writing

__all__ = [
    "MODELS",
    "drop_unused_models",
    "fault_of",
    "is_whole",
    "model_folder",
    "models_of",
    "store_model",
    "with_models",
]

MODELS = "models"
"""The folder inside the index, and the key of the commit's notes."""


def models_of(commit: Commit) -> Mapping[str, Any]:
    """Name -> folder name of the models that a commit uses."""
    named = commit.notes.get(MODELS, {})
    return named if isinstance(named, Mapping) else {MODELS: named}


def with_models(notes: Mapping[str, Any], models: Mapping[str, str] | None) -> dict[str, Any]:
    """A commit's notes in which these models, and no others, are in use."""
    others = {name: note for name, note in notes.items() if name != MODELS}
    return {**others, MODELS: dict(models)} if models else others


def model_folder(index: Path, commit: Commit, name: str) -> Path | None:
    """Where the model of that name lies that ``commit`` uses; None without one.

    Raises:
        IndexFormatError: the commit names something that is no folder of models.
    """
    stored = models_of(commit).get(name)
    if stored is None:
        return None
    # What is written in index.json never leads outside the index folder.
    if not isinstance(stored, str) or not TABLE_NAME.fullmatch(stored):
        raise IndexFormatError(
            f"the commit names {stored!r} as the model {name!r}",
            where=str(index),
            fix="roll back to an undamaged commit, or train again",
        )
    return index / MODELS / stored


def store_model(index: Path, name: str, made: Path) -> str:
    """Moves a folder of files that was just made into the index; the name to note in the commit.

    Args:
        index: the index folder, whose write lock is held.
        name: what kind of model it is, such as ``docgraph``.
        made: the folder; it is gone afterwards.

    Raises:
        IndexWriteError: the place cannot be written.
    """
    stored = f"{name}-{_digest(made)}"
    target = index / MODELS / stored
    with writing(index):
        target.parent.mkdir(exist_ok=True)
        if target.exists() and not is_whole(target):
            shutil.rmtree(target)  # a damaged copy of what was just made again
        if target.exists():
            shutil.rmtree(made)
        else:
            for file in (path for path in made.rglob("*") if path.is_file()):
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
            shutil.move(str(made), target)
    return stored


def is_whole(folder: Path) -> bool:
    """Whether the folder of a model still holds what was stored, by the hash in its name.

    Raises:
        OSError: a file cannot be read.
    """
    return folder.name.rpartition("-")[2] == _digest(folder)


def fault_of(folder: Path) -> str:
    """What is wrong with the folder of a trained model; empty where it holds what was stored."""
    if not folder.is_dir():
        return "is missing"
    try:
        return "" if is_whole(folder) else "is damaged: its files are not those that were stored"
    except OSError as error:
        return f"cannot be read ({error})"


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def drop_unused_models(index: Path, kept: Iterable[Commit]) -> None:
    """Removes models that no kept commit uses.

    Raises:
        IndexWriteError: the place cannot be written.
    """
    used = {str(stored) for commit in kept for stored in models_of(commit).values()}
    folder = index / MODELS
    if not folder.is_dir():
        return
    with writing(index):
        for entry in folder.iterdir():
            if entry.name not in used and entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
