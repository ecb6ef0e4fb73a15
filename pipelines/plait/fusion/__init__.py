"""Fusion: several retrievers' findings become one, before the generator writes a word."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """Declares the rank fusions ``rrf`` and ``weighted``."""
    return [
        Component(
            "fusion",
            "rrf",
            factory="plait.fusion.ranks.rrf:ReciprocalRank",
            config="plait.fusion.ranks.rrf:Config",
            summary="reciprocal rank fusion; needs no training and no comparable scores",
        ),
        Component(
            "fusion",
            "weighted",
            factory="plait.fusion.ranks.weighted:Weighted",
            config="plait.fusion.ranks.weighted:Config",
            summary="weighted sum of normalised scores, weights from calibration",
        ),
    ]
