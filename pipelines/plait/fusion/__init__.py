"""Fusion: several retrievers' findings become one, before the generator writes a word."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """Declares the fusions of runs ``scores``, ``rrf``, ``weighted``, and those of vectors ``gated``, ``concatenated``.

    And ``fusion-in-decoder``, a generator: it lives here because it fuses passages inside the model that writes.
    """
    return [
        Component(
            "fusion",
            "rrf",
            factory="plait.fusion.ranks:ReciprocalRank",
            config="plait.fusion.ranks:ReciprocalRankConfig",
            summary="reciprocal rank fusion; needs no training and no comparable scores",
        ),
        Component(
            "fusion",
            "scores",
            factory="plait.fusion.ranks:ScoreFusion",
            config="plait.fusion.ranks:ScoresConfig",
            summary="sum of comparable scores, passages of one document supporting each other; the default",
        ),
        Component(
            "fusion",
            "weighted",
            factory="plait.fusion.ranks:ScoreFusion",
            config="plait.fusion.ranks:WeightedConfig",
            summary="the same with scores between the last and the first of a run, and each passage on its own",
        ),
        Component(
            "fusion",
            "gated",
            factory="plait.fusion.vectors:GatedFusion",
            config="plait.fusion.vectors:Config",
            summary="text vectors with structure added through a trained gate, searched in place of text alone",
            extra="plait[graph]",
            parts={"embedder": "embedder", "ranks": "fusion"},
        ),
        Component(
            "fusion",
            "concatenated",
            factory="plait.fusion.vectors:ConcatenatedFusion",
            config="plait.fusion.vectors:ConcatenatedConfig",
            summary="text and structural vectors side by side, projected by a trained matrix",
            extra="plait[graph]",
            parts={"embedder": "embedder", "ranks": "fusion"},
        ),
        Component(
            "generator",
            "fusion-in-decoder",
            factory="plait.fusion.tokens.fid_generator:FusionInDecoderGenerator",
            config="plait.fusion.tokens.fid_generator:Config",
            summary="a T5 model that reads passages apart, with their structure, and decodes them together",
            extra="plait[models]",
            capabilities={"structure": True},
        ),
    ]
