"""Chunkers: documents in, passages with exact character spans out."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """The built-in chunkers."""
    return [
        Component(
            "chunker",
            "sections",
            factory="plait.chunkers.sections:SectionChunker",
            config="plait.chunkers.sections:Config",
            summary="Passages along sections: whole paragraphs and sentences, tables and figures apart",
        ),
        Component(
            "chunker",
            "llama-index",
            factory="plait.chunkers.llama_index:LlamaIndexChunker",
            config="plait.chunkers.llama_index:Config",
            summary="Any LlamaIndex node parser, its nodes mapped back to exact spans",
            extra="plait[llama-index]",
        ),
    ]
