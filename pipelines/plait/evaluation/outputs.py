"""Where reports go: checked before hours of work, written after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from plait.contracts.errors import PlaitError

__all__ = ["check_target", "write_json"]


def check_target(target: str | Path | None) -> None:
    """Finds out before hours of work that an output has nowhere to go.

    Raises:
        PlaitError: it is a folder, or its folder does not exist.
    """
    if target is None:
        return
    if Path(target).is_dir() or not Path(target).parent.is_dir():
        raise PlaitError(
            "cannot be written: this is a folder" if Path(target).is_dir() else "cannot be written: no such folder",
            where=str(target),
            fix="name a file in a folder that exists",
        )


def write_json(target: str | Path, value: dict[str, Any]) -> None:
    """Writes a report.

    Raises:
        PlaitError: it cannot be written.
    """
    try:
        Path(target).write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise PlaitError(
            f"cannot be written ({error.strerror})", where=str(target), fix="name a file in a folder you can write to"
        ) from error
