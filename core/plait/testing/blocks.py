"""The simplest chunker that keeps the contract."""

from __future__ import annotations

from typing import Literal

from plait.contracts import Block, Document, Equation, Figure, Passage, Table

__all__ = ["BlockChunker"]


class BlockChunker:
    """One passage per block: enough to test a retriever without choosing a real chunker.

    Example:
        >>> from plait.contracts import Section, Text
        >>> paper = Document("a", "On braids", (Section("Intro", (Text("Three strands."), Text("And a knot."))),))
        >>> [(passage.id, passage.text, passage.context) for passage in BlockChunker().chunk(paper)]
        [('a#0', 'Three strands.', 'On braids > Intro'), ('a#1', 'And a knot.', 'On braids > Intro')]
    """

    def chunk(self, document: Document) -> list[Passage]:
        """The blocks of ``document`` as passages, in reading order."""
        passages: list[Passage] = []
        for placed in document.placed():
            context = " > ".join(part for part in (document.title, *placed.path) if part)
            text = document.text[placed.start : placed.end]
            ordinal = len(passages)
            passages.append(
                Passage(
                    f"{document.id}#{ordinal}",
                    document.id,
                    ordinal,
                    placed.start,
                    placed.end,
                    text,
                    context,
                    _kind(placed.block),
                )
            )
        return passages


def _kind(block: Block) -> Literal["text", "table", "figure", "equation"]:
    match block:
        case Table():
            return "table"
        case Figure():
            return "figure"
        case Equation():
            return "equation"
        case _:
            return "text"
