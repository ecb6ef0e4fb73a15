"""The embedders that come with Plait. Importing this package loads no model library."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """Declares ``minilm`` (the embedded default) and ``transformers`` (any other model)."""
    return [
        Component(
            "embedder",
            "minilm",
            factory="plait.embedders.transformers:MiniLM",
            config="plait.embedders.transformers:MiniLMConfig",
            summary="all-MiniLM-L6-v2 from the installed package: 384 dimensions, English, needs no download",
            extra="plait[models]",
        ),
        Component(
            "embedder",
            "transformers",
            factory="plait.embedders.transformers:TransformersEmbedder",
            config="plait.embedders.transformers:Config",
            summary="any text encoder of transformers, by Hugging Face id or local folder",
            extra="plait[models]",
        ),
    ]
