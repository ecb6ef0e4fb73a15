"""Picks and joins the sentences of the evidence that answer the question."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings, Use, check_request, use
from plait.contracts import Chunk, Embedder, GenerationRequest, Message, Usage
from plait.generators.embedding_checks import refuse_soft_tokens
from plait.generators.pieces import Piece, piece_vectors, pieces_of
from plait.generators.structured import refuse_form
from plait.text.content import content_words

__all__ = ["Config", "Extractive"]


class Config(Settings):
    """Settings of ``extractive``."""

    embedder: Use = use("minilm")
    """Compares the question with sentences."""
    max_sentences: int = Field(default=3, ge=1, le=20)
    """Most sentences of an answer; the rows of one table count as one."""
    max_rows: int = Field(default=4, ge=1, le=50)
    """Most rows of one table."""
    coverage: float = Field(default=0.35, ge=0.0, le=2.0)
    """Weight of the question's words that a sentence holds, against a cosine at weight 1."""
    prior: float = Field(default=0.15, ge=0.0, le=2.0)
    """Weight of the passage's place among the evidence."""
    diversity: float = Field(default=0.3, ge=0.0, le=1.0)
    """How much a sentence loses for resembling one already taken (maximal marginal relevance)."""
    within: float = Field(default=0.75, ge=0.0, le=1.0)
    """A further sentence must score at least this share of the best one."""


class Extractive:
    """Answers with sentences and table rows of the evidence, word for word, so that every citation re-opens exactly.

    A piece scores by its cosine with the question, by the question's words it holds (weighted by how few pieces hold
    them), and by its passage's place. Pieces are taken greedily by maximal marginal relevance (Carbonell and
    Goldstein, SIGIR 1998) and put back into reading order within their passage. A chosen row brings its table's header
    and the rows that score about as well, because a figure is often wanted against another.

    Args:
        config: the settings.
        embedder: compares question and pieces.
    """

    def __init__(self, config: Config, *, embedder: Embedder) -> None:
        self._config = config
        self._embedder = embedder

    @property
    def context_tokens(self) -> int | None:
        """None: there is no window."""
        return None

    @property
    def accepts_embeddings(self) -> bool:
        """False: nothing is generated from embeddings."""
        return False

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Words of the prompt, parted by white space."""
        return sum(len(message.content.split()) for message in messages)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the chosen pieces one by one, in order; tokens are counted as words.

        Raises:
            GenerationError: the request has choices, a JSON schema or soft tokens.
        """
        for refuse in (check_request, refuse_form, refuse_soft_tokens):
            refuse(request, "generator extractive")
        read = sum(len(item.passage.text.split()) for item in request.evidence)
        written, finish, before = 0, "stop", ""
        for line in self._lines(request):
            length = len(line.split())
            if written + length > request.max_tokens:
                finish = "length"
                break
            written += length
            yield Chunk(_joint(before, line) + line)
            before = line
        reason: Literal["stop", "length", "declined"] = "stop"
        if finish == "length":
            reason = "length"
        elif not written:
            reason = "declined"
        yield Chunk("", reason, Usage(read, written))

    def _lines(self, request: GenerationRequest) -> Iterator[str]:
        header = ""
        for piece in self._choose(request):
            if piece.header and piece.header != header:
                yield piece.header
            header = piece.header
            yield piece.text

    def _choose(self, request: GenerationRequest) -> list[Piece]:
        pieces = pieces_of(request.evidence)
        if not pieces:
            return []
        vectors = piece_vectors(pieces, self._embedder)
        query = self._embedder.embed_queries([request.query.text])[0]
        scores = self._scores(request.query.text, pieces, vectors @ query)
        chosen: list[int] = []
        taken = np.zeros(len(pieces), dtype=bool)
        for _ in range(self._config.max_sentences):
            gain = np.where(taken, -np.inf, scores)
            if chosen:
                gain = gain - self._config.diversity * (vectors @ vectors[chosen].T).max(axis=1)
            best = int(np.argmax(gain))
            if taken[best] or (chosen and scores[best] < self._config.within * scores[chosen[0]]):
                break
            for place in self._with_its_rows(best, pieces, scores):
                chosen.append(place)
            # One table answers once: its other rows lost to these.
            taken |= np.array([n in chosen or self._same_table(pieces[best], piece) for n, piece in enumerate(pieces)])
        order = {passage: n for n, passage in enumerate(dict.fromkeys(pieces[place].passage for place in chosen))}
        return sorted((pieces[place] for place in chosen), key=lambda piece: (order[piece.passage], piece.order))

    def _with_its_rows(self, best: int, pieces: Sequence[Piece], scores: NDArray[np.float64]) -> list[int]:
        if not pieces[best].header:
            return [best]
        rows = [n for n, piece in enumerate(pieces) if self._same_table(pieces[best], piece)]
        rows = [n for n in rows if scores[n] >= 0.9 * scores[best]]
        return sorted(rows, key=lambda n: -scores[n])[: self._config.max_rows]

    @staticmethod
    def _same_table(one: Piece, other: Piece) -> bool:
        return bool(one.header) and (one.passage, one.header) == (other.passage, other.header)

    def _scores(self, question: str, pieces: Sequence[Piece], cosines: NDArray[np.float32]) -> NDArray[np.float64]:
        held = [{word.stem for word in content_words(piece.described)} for piece in pieces]
        frequency = Counter(stem for stems in held for stem in stems)
        asked = {word.stem: math.log(1 + len(pieces) / (1 + frequency[word.stem])) for word in content_words(question)}
        total = sum(asked.values()) or 1.0
        coverage = [sum(mass for stem, mass in asked.items() if stem in stems) / total for stems in held]
        prior = [1.0 / (1 + piece.passage) for piece in pieces]
        return (
            np.asarray(cosines, np.float64)
            + self._config.coverage * np.asarray(coverage)
            + self._config.prior * np.asarray(prior)
        )


def _joint(before: str, line: str) -> str:
    """What parts two pieces: a space behind a finished sentence, a blank line where one could run into the next."""
    if not before:
        return ""
    if " | " in before and " | " in line:
        return "\n"
    return " " if before[-1] in ".!?" and " | " not in line else "\n\n"
