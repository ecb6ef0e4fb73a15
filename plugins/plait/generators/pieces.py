"""The pieces an extractive answer is made of: sentences, and table rows that know their header."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Embedder, Evidence
from plait.text.content import content_words
from plait.text.directives import directives, parted

__all__ = ["Piece", "piece_vectors", "pieces_of"]

BAR = " | "
KEPT = 4
"""Calls whose vectors are kept for each embedder: the judge of relevance and the generator look at the same pieces."""

_kept: WeakKeyDictionary[Embedder, OrderedDict[tuple[str, ...], NDArray[np.float32]]] = WeakKeyDictionary()
_lock = Lock()


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

    A table's header and caption are context of its rows and no pieces themselves: alone they answer nothing. What is
    meant to steer the reader (:mod:`plait.text.directives`) is neither a piece nor context: it is never quoted, and
    relevance does not compare it with the question.
    """
    found: dict[tuple[str, str], Piece] = {}
    for place, item in enumerate(evidence):
        for piece in _pieces(place, item):
            found.setdefault((piece.header, piece.text), piece)
    return list(found.values())


def piece_vectors(pieces: Sequence[Piece], embedder: Embedder) -> NDArray[np.float32]:
    """Vectors of the pieces with their context, shape (pieces, dimension); shape (0, 0) of none.

    The vectors of the last few calls are kept, whole calls and not single pieces: in low precision a vector depends a
    little on what it was computed together with, and an answer must not depend on the questions asked before.
    """
    texts = tuple(piece.described for piece in pieces)
    if not texts:
        return np.zeros((0, 0), dtype=np.float32)
    try:
        with _lock:
            calls = _kept.setdefault(embedder, OrderedDict())
            held = calls.get(texts)
    except TypeError:  # a class that cannot be hashed or referred to weakly: nothing to keep its vectors by
        return embedder.embed_passages(texts)
    if held is None:
        held = embedder.embed_passages(texts)
        held.flags.writeable = False  # two callers share it
        with _lock:
            calls[texts] = held
            while len(calls) > KEPT:
                calls.popitem(last=False)
    return held


def _pieces(place: int, item: Evidence) -> Iterator[Piece]:
    text = item.passage.text
    context = " > ".join(part for part in item.passage.context.split(" > ") if not directives(part))
    spans = parted(text, directives(text))
    header = caption = ""
    for order, (start, end, steers) in enumerate(spans):
        shown = text[start:end]
        if steers:
            header = caption = ""
            continue
        if BAR in shown and "\n" not in shown:
            if not header:
                header = shown
                continue
            yield Piece(shown, place, order, "\n".join(part for part in (context, caption, header) if part), header)
            continue
        header = ""
        following = text[slice(*spans[order + 1][:2])] if order + 1 < len(spans) else ""
        caption = shown if BAR in following and text[end : end + 2].count("\n") == 1 else ""
        if not caption and len(content_words(shown)) >= 2:
            yield Piece(shown, place, order, context)
