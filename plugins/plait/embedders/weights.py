"""A model's weights on disk: safetensors only, and what identifies them."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from plait.contracts.errors import ModelError

__all__ = ["weight_files", "weights_digest"]


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, in order of name.

    Raises:
        ModelError: there are none, or an index names one that is missing. Pickled weights (``.bin``, ``.pt``) are
            refused: opening them can run code.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        files = [folder / name for name in names]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise ModelError(f"weight files are missing: {', '.join(missing)}", where=str(folder), fix="fetch them")
        return files
    single = folder / "model.safetensors"
    if single.is_file():
        return [single]
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")):
        raise ModelError(
            "the weights are pickles, which can run code when opened",
            where=str(folder),
            fix="convert them to model.safetensors (save_pretrained does) or choose a model that has it",
        )
    raise ModelError("no model.safetensors in this folder", where=str(folder), fix="name a folder with a whole model")


def weights_digest(folder: Path) -> str:
    """SHA-256 over the weight files of a model, as hexadecimal digits."""
    states = tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in weight_files(folder))
    return _digest(states)


@lru_cache(maxsize=64)
def _digest(states: tuple[tuple[str, int, int], ...]) -> str:
    """Size and time of change are part of the key, so that a replaced file is read again."""
    total = hashlib.sha256()
    for path, _, _ in states:
        with Path(path).open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
