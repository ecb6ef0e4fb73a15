"""What several suites check in the same words, and how a generator is made to show its fault."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from plait.contracts import GenerationRequest, Generator, Hit
from plait.contracts.errors import GenerationError

__all__ = ["check_best_first", "check_json", "check_unit_vectors", "fault_of"]


def check_best_first(hits: Sequence[Hit]) -> None:
    """Scores are finite and never rise; no passage comes twice."""
    scores = [hit.score for hit in hits]
    assert np.isfinite(scores).all(), f"a score is not finite: {scores}"
    assert scores == sorted(scores, reverse=True), f"hits are not best first: {scores}"
    ids = [hit.passage_id for hit in hits]
    assert len(set(ids)) == len(ids), f"a passage comes twice: {ids}"


def check_json(fingerprint: Mapping[str, Any]) -> None:
    """A fingerprint is stored as JSON and compared after reading it back: that must not change it."""
    assert json.loads(json.dumps(fingerprint)) == fingerprint, f"not plain JSON values: {fingerprint!r}"


def check_unit_vectors(vectors: Any, rows: int, dimension: int) -> None:
    """A float32 matrix of finite rows of length 1."""
    assert isinstance(vectors, np.ndarray), f"a {type(vectors).__name__}, not a NumPy array"
    assert vectors.shape == (rows, dimension), f"shape {vectors.shape}, not {(rows, dimension)}"
    assert vectors.dtype == np.float32, f"dtype {vectors.dtype}, not float32"
    assert np.isfinite(vectors).all(), "a vector is not finite"
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.allclose(lengths, 1, atol=1e-3), f"lengths {lengths.min()} to {lengths.max()}, not 1"


def fault_of(generator: Generator, request: GenerationRequest, *, seconds: float = 10.0) -> tuple[GenerationError, str]:
    """The error of a request that fails, and how much of an answer was shown before.

    Args:
        generator: what is asked.
        request: what must end in a :class:`~plait.contracts.errors.GenerationError`.
        seconds: within which it must.
    """
    shown = ""
    started = time.monotonic()
    with pytest.raises(GenerationError) as caught:
        for chunk in generator.stream(request):
            shown += chunk.text
            assert chunk.finish_reason is None, "a broken answer was passed off as whole"
    assert time.monotonic() - started < seconds
    return caught.value, shown
