"""Training on an index: what its own links and documents can teach the pipeline.

Everything here measures on what was held out, shows the controls beside it, and keeps only what was better: it is put
into use under the lock, for the index that it was trained on, beside what stays. Importing this package is light; its
modules import torch.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plait.contracts import IndexView
from plait.contracts.errors import IndexCorruptError
from plait.index import Writer
from plait.rag import Rag
from plait.rag.parts import compare_identity

__all__ = ["PATIENCE", "check_unlocked", "committing", "copy_files", "files_in_use"]

PATIENCE = 600.0
"""Seconds to wait for another writer at the end: what was trained for an hour is not lost to a short addition."""


def check_unlocked(rag: Rag, timeout: float = 10.0) -> None:
    """Finds out before an hour of training whether its result could be written.

    Raises:
        IndexLockedError: another process keeps writing.
        IndexWriteError: the folder cannot be written.
    """
    with rag.index.writer(timeout=timeout):
        pass


@contextmanager
def committing(rag: Rag, timeout: float) -> Iterator[Writer]:
    """The writer, once it is sure that the index is still of the pipeline's parts.

    Raises:
        IdentityError: it was rebuilt with others meanwhile.
        IndexLockedError: another process kept writing.
    """
    with rag.index.writer(timeout=timeout) as writer:
        compare_identity(rag.index.commit.identity, rag.parts.identity(), str(rag.path))
        yield writer


def files_in_use(view: IndexView, name: str) -> list[Path]:
    """Files of a trained model; none also where it is damaged, for training anew is how that is mended."""
    try:
        folder = view.model(name)
    except IndexCorruptError:
        return []
    return [] if folder is None else sorted(file for file in folder.iterdir() if file.is_file())


def copy_files(files: list[Path], folder: Path) -> None:
    """Copies them into a folder under their names."""
    for file in files:
        shutil.copyfile(file, folder / file.name)
