"""The pieces an extractive answer is made of: sentences, and table rows that know their header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plait.contracts import Evidence
from plait.text.content import content_words
from plait.text.sentences import sentence_spans

__all__ = ["Piece", "pieces_of"]

BAR = " | "


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence or a table row, word for word.

    Args:
        text: as it stands in the passage.
        passage: place of its passage among the evidence, from 0.
        order: place within the passage.
        context: what helps to understand it: title and headings, for a row also caption and header.
        header: the header line of a row's table; empty for sentences.
    """

    text: str
    passage: int
    order: int
    context: str
    header: str = ""

    @property
    def described(self) -> str:
        """Context and text, for an encoder."""
        return f"{self.context}\n{self.text}" if self.context else self.text


def pieces_of(evidence: Sequence[Evidence]) -> list[Piece]:
    """All pieces in the order of the evidence, each text once.

    A table's header and caption are context of its rows and no pieces themselves: alone they answer nothing.
    """
    found: dict[tuple[str, str], Piece] = {}
    for place, item in enumerate(evidence):
        for piece in _pieces(place, item):
            found.setdefault((piece.header, piece.text), piece)
    return list(found.values())


def _pieces(place: int, item: Evidence) -> Iterator[Piece]:
    text, context = item.passage.text, item.passage.context
    spans = sentence_spans(text)
    header = caption = ""
    for order, (start, end) in enumerate(spans):
        shown = text[start:end]
        if BAR in shown and "\n" not in shown:
            if not header:
                header = shown
                continue
            yield Piece(shown, place, order, "\n".join(part for part in (context, caption, header) if part), header)
            continue
        header = ""
        following = text[slice(*spans[order + 1])] if order + 1 < len(spans) else ""
        caption = shown if BAR in following and text[end : end + 2].count("\n") == 1 else ""
        if not caption and len(content_words(shown)) >= 2:
            yield Piece(shown, place, order, context)
