"""The gates that come with Plait: whether a question can be answered from what was found."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """Declares ``similarity``, the default, and ``open``."""
    return [
        Component(
            "gate",
            "similarity",
            factory="plait.gates.similarity:SimilarityGate",
            config="plait.gates.similarity:Config",
            summary="declines where no sentence is near the question, or what it names is unknown",
            parts={"embedder": "embedder"},
        ),
        Component("gate", "open", factory="plait.gates.open:OpenGate", summary="answers whatever found a passage"),
    ]
