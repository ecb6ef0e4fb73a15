"""What several suites check in the same words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plait.contracts import Hit

__all__ = ["check_best_first", "check_json", "check_unit_vectors"]


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
