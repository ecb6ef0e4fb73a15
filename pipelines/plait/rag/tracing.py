"""Measures the stages of one run and keeps what each saw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from plait.contracts import Stage, Trace

__all__ = ["Tracer"]


class Tracer:
    """Collects stages in order.

    CPU seconds are those of the whole process, so that the work of native threads counts.

    Example:
        >>> tracer = Tracer()
        >>> with tracer.stage("retrieve") as detail:
        ...     detail["hits"] = 3
        >>> tracer.trace().stages[0].name, dict(tracer.trace().stages[0].detail)
        ('retrieve', {'hits': 3})
    """

    def __init__(self) -> None:
        self._stages: list[Stage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Times the block; what it puts into the yielded dictionary becomes the stage's detail."""
        detail: dict[str, Any] = {}
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield detail
        finally:
            self._stages.append(Stage(name, time.perf_counter() - wall, time.process_time() - cpu, detail))

    def add(self, stage: Stage) -> None:
        """Takes a stage that was measured elsewhere, such as a share of a batch."""
        self._stages.append(stage)

    def trace(self) -> Trace:
        """The stages so far."""
        return Trace(tuple(self._stages))
