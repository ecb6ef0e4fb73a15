"""The guard: what calibration measured, and the leg to fall back on where fusion lost to it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from plait.config import Settings

__all__ = ["Guard"]


class Guard(Settings):
    """What a calibration measured with exactly these settings of a fusion.

    Written into a pipeline by :func:`plait.fusion.ranks.calibration.calibrate`. A fusion whose guard says that one
    retriever alone did better hands on that retriever's hits instead of merging.

    Example:
        >>> Guard(queries=50, fused=0.61, legs={"dense": 0.64, "lexical": 0.52}).fallback
        'dense'
        >>> Guard(queries=50, fused=0.66, legs={"dense": 0.64, "lexical": 0.52}).fallback is None
        True
    """

    measure: str = "nDCG@10"
    """What was measured."""
    queries: int = Field(ge=1)
    """On how many queries."""
    fused: float
    """The fusion's mean."""
    legs: Mapping[str, float] = Field(min_length=1)
    """Each retriever's own mean."""

    @property
    def fallback(self) -> str | None:
        """The best retriever if it beats the fusion, else None; the first named among equals."""
        best = max(self.legs, key=lambda leg: self.legs[leg])
        return best if self.legs[best] > self.fused else None
