"""Picks and joins the sentences of the evidence that answer the question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Settings, Use, use
from plait.contracts import Chunk, Embedder, Evidence, GenerationRequest, Message, Usage
from plait.text.content import content_words
from plait.text.sentences import sentence_spans

__all__ = ["Config", "Extractive"]


class Config(Settings):
    """Settings of the extractive generator."""

    embedder: Use = use("minilm")
    """Compares the question with sentences."""
    max_sentences: int = Field(default=3, ge=1, le=20)
    """Most sentences of an answer."""
    coverage: float = Field(default=0.35, ge=0.0, le=2.0)
    """Weight of the question's words that a sentence holds, against a cosine at weight 1."""
    prior: float = Field(default=0.15, ge=0.0, le=2.0)
    """Weight of the passage's place among the evidence."""
    diversity: float = Field(default=0.3, ge=0.0, le=1.0)
    """How much a sentence loses for resembling one already taken (maximal marginal relevance)."""
    within: float = Field(default=0.75, ge=0.0, le=1.0)
    """A further sentence must score at least this share of the best one."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    passage: int
    order: int
    context: str


class Extractive:
    """Answers with sentences of the evidence, word for word, so that every citation re-opens exactly.

    A sentence scores by cosine with the question, by the question's words it holds, and by its passage's place.
    Sentences are taken greedily by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) and put back into
    reading order within their passage.
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
        """Yields the chosen sentences one by one."""
        read = sum(len(item.passage.text.split()) for item in request.evidence)
        written = 0
        finish: Any = "stop"
        first = True
        for sentence in self._choose(request):
            length = len(sentence.text.split())
            if written + length > request.max_tokens:
                finish = "length"
                break
            written += length
            yield Chunk(sentence.text if first else "\n" + sentence.text)
            first = False
        yield Chunk("", "declined" if not written else finish, Usage(read, written))

    def _choose(self, request: GenerationRequest) -> list[_Sentence]:
        sentences = _sentences(request.evidence)
        if not sentences:
            return []
        query = self._embedder.embed_queries([request.query.text])[0]
        vectors = self._embedder.embed_passages([f"{s.context}\n{s.text}" if s.context else s.text for s in sentences])
        scores = self._scores(request, sentences, vectors @ query)
        chosen: list[int] = []
        while len(chosen) < min(self._config.max_sentences, len(sentences)):
            gain = scores.copy()
            if chosen:
                gain -= self._config.diversity * (vectors @ vectors[chosen].T).max(axis=1)
                gain[chosen] = -np.inf
            best = int(np.argmax(gain))
            if chosen and scores[best] < self._config.within * scores[chosen[0]]:
                break
            chosen.append(best)
        return sorted((sentences[place] for place in chosen), key=lambda s: (_rank(s, chosen, sentences), s.order))

    def _scores(
        self, request: GenerationRequest, sentences: Sequence[_Sentence], cosines: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        asked = {word.stem for word in content_words(request.query.text)}
        coverage = [
            len(asked & {word.stem for word in content_words(f"{s.context} {s.text}")}) / max(1, len(asked))
            for s in sentences
        ]
        prior = [1.0 / (1 + s.passage) for s in sentences]
        return (
            np.asarray(cosines, np.float64)
            + self._config.coverage * np.asarray(coverage)
            + self._config.prior * np.asarray(prior)
        )


def _rank(sentence: _Sentence, chosen: Sequence[int], sentences: Sequence[_Sentence]) -> int:
    """Place of a sentence's passage in the answer: passages come in the order in which they were first chosen."""
    order = list(dict.fromkeys(sentences[place].passage for place in chosen))
    return order.index(sentence.passage)


def _sentences(evidence: Sequence[Evidence]) -> list[_Sentence]:
    found: dict[str, _Sentence] = {}
    for place, item in enumerate(evidence):
        text = item.passage.text
        for order, (start, end) in enumerate(sentence_spans(text)):
            shown = text[start:end]
            if len(content_words(shown)) >= 2:
                found.setdefault(shown, _Sentence(shown, place, order, item.passage.context))
    return list(found.values())
