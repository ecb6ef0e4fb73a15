"""The rankers that come with Plait. All are optional: a pipeline has none unless it names one."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """Declares ``sentences`` and ``late`` (need no further model) and ``cross-encoder`` (needs one)."""
    return [
        Component(
            "ranker",
            "sentences",
            factory="plait.rankers.best_sentence:BestSentence",
            config="plait.rankers.best_sentence:Config",
            summary="reorders by the one sentence of each passage that is nearest to the question",
            parts={"embedder": "embedder"},
        ),
        Component(
            "ranker",
            "late",
            factory="plait.rankers.late:Late",
            config="plait.rankers.late:Config",
            summary="reorders by late interaction: for each token of the question the nearest token of the passage",
            extra="plait[models]",
            parts={"embedder": "embedder"},
        ),
        Component(
            "ranker",
            "cross-encoder",
            factory="plait.rankers.cross_encoder:CrossEncoder",
            config="plait.rankers.cross_encoder:Config",
            summary="reorders by a sequence classification model that reads question and passage together",
            extra="plait[models]",
        ),
    ]
