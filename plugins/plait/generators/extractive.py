"""Picks and joins the sentences of the evidence that answer the question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings, Use, check_request
from plait.contracts import Chunk, Embedder, GenerationRequest, Message, Usage
from plait.text.passages import Quotable, quotable, statement_vectors

__all__ = ["Config", "Extractive"]


class Config(Settings):
    """Settings of ``extractive``."""

    embedder: Use | None = None
    """Compares the question with sentences; by default the one the pipeline's first retriever with vectors uses, and
    without one the words decide."""
    compared: int = Field(default=5, ge=1, le=200)
    """Most sentences that are encoded and compared with the question: the most promising by words and rank."""
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

    A statement scores by its cosine with the question, by the question's words it holds (weighted by how few statements
    hold them), and by its passage's place. Statements are taken greedily by maximal marginal relevance (Carbonell and
    Goldstein, SIGIR 1998) and put back into reading order within their passage. A chosen row brings its table's header
    and the rows that score about as well, because a figure is often wanted against another.

    Args:
        config: the settings.
        embedder: compares question and statements; without one the words decide.
    """

    def __init__(self, config: Config, *, embedder: Embedder | None = None) -> None:
        self._config = config
        self._embedder = embedder

    @property
    def context_tokens(self) -> int | None:
        """None: there is no window."""
        return None

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Words of the prompt, parted by white space."""
        return sum(len(message.content.split()) for message in messages)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the chosen statements one by one, in order; tokens are counted as words.

        Raises:
            GenerationError: the request has choices, a JSON schema or soft tokens.
        """
        check_request(request, "generator extractive", lacks=("choices", "json_schema", "soft_tokens"))
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
        for item in self._choose(request):
            if item.statement.header_text and item.statement.header_text != header:
                yield item.statement.header_text
            header = item.statement.header_text
            yield item.statement.text

    def _choose(self, request: GenerationRequest) -> list[Quotable]:
        every = quotable(request.query.text, request.evidence)
        items = every[: self._config.compared]
        if not items:
            return []
        vectors = self._vectors(request, items)
        scores = self._scores(request, items, vectors)
        chosen: list[int] = []
        taken = np.zeros(len(items), dtype=bool)
        for _ in range(self._config.max_sentences):
            gain = np.where(taken, -np.inf, scores)
            if chosen and vectors is not None:
                gain = gain - self._config.diversity * (vectors @ vectors[chosen].T).max(axis=1)
            best = int(np.argmax(gain))
            if taken[best] or (chosen and scores[best] < self._config.within * scores[chosen[0]]):
                break
            chosen.append(best)
            # One table answers once: its other rows lost to these.
            taken |= np.array([n == best or _same_table(items[best], item) for n, item in enumerate(items)])
        found = [row for place in chosen for row in self._with_its_rows(request, items[place], every, scores[place])]
        order = {place: n for n, place in enumerate(dict.fromkeys(item.place for item in found))}
        return sorted(found, key=lambda item: (order[item.place], item.statement.start))

    def _with_its_rows(
        self, request: GenerationRequest, best: Quotable, every: Sequence[Quotable], score: float
    ) -> list[Quotable]:
        """A row with the rows of its table that score about as well; anything else alone."""
        if not best.statement.header_text:
            return [best]
        rows = [item for item in every if _same_table(best, item)][: self._config.compared]
        scores = self._scores(request, rows, self._vectors(request, rows))
        near = sorted((-own, n) for n, own in enumerate(scores) if own >= 0.9 * score)
        return [rows[n] for _, n in near[: self._config.max_rows]]

    def _vectors(self, request: GenerationRequest, items: Sequence[Quotable]) -> NDArray[np.float32] | None:
        """Vectors of the statements, shape (items, dimension); None without an embedder."""
        if self._embedder is None:
            return None
        return statement_vectors(request.evidence, [item.statement for item in items], self._embedder)

    def _scores(
        self, request: GenerationRequest, items: Sequence[Quotable], vectors: NDArray[np.float32] | None
    ) -> NDArray[np.float64]:
        coverage = np.array([item.coverage for item in items])
        prior = np.array([1.0 / (1 + item.place) for item in items])
        scores: NDArray[np.float64] = self._config.coverage * coverage + self._config.prior * prior
        if vectors is None or self._embedder is None:
            return scores
        query = self._embedder.embed_queries([request.query.text])[0]
        return np.asarray(scores + vectors @ query, dtype=np.float64)


def _same_table(one: Quotable, other: Quotable) -> bool:
    table = (one.place, one.statement.block, one.statement.header_text)
    return bool(one.statement.header_text) and table == (
        other.place,
        other.statement.block,
        other.statement.header_text,
    )


def _joint(before: str, line: str) -> str:
    """What parts two pieces: a space behind a finished sentence, a blank line where one could run into the next."""
    if not before:
        return ""
    if " | " in before and " | " in line:
        return "\n"
    return " " if before[-1] in ".!?" and " | " not in line else "\n\n"
