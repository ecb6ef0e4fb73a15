"""Stages are timed, also those that fail."""

from __future__ import annotations

import pytest

from plait.rag.tracing import Tracer


def test_stages_keep_their_order_and_detail() -> None:
    tracer = Tracer()
    with tracer.stage("first") as detail:
        detail["seen"] = 2
    with tracer.stage("second"):
        sum(range(100_000))
    first, second = tracer.trace().stages
    assert (first.name, first.detail, second.name) == ("first", {"seen": 2}, "second")
    assert second.wall_seconds > 0
    assert tracer.trace().wall_seconds == first.wall_seconds + second.wall_seconds


def test_a_stage_that_fails_is_still_in_the_trace() -> None:
    tracer = Tracer()
    with pytest.raises(ValueError, match="boom"), tracer.stage("failing"):
        raise ValueError("boom")
    assert [stage.name for stage in tracer.trace().stages] == ["failing"]
