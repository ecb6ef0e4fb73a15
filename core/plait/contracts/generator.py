"""Generators write the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from plait.contracts.passage import Passage
from plait.contracts.query import Query

__all__ = ["Chunk", "Evidence", "GenerationRequest", "Generator", "Message", "Usage"]

FinishReason = Literal["stop", "length", "declined"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage in the prompt, under the number shown to the model, with the retrieval score it had."""

    number: int
    passage: Passage
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, as the backend counts them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One answer to write: the question, the evidence, and the prompt made of both.

    Generators that read text use ``messages``; generators that work on passages use ``evidence``.
    ``seed`` matters only when ``temperature`` > 0; at 0 decoding is greedy and reproducible.
    """

    query: Query
    evidence: Sequence[Evidence]
    messages: Sequence[Message]
    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    stop: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the answer as it is written. The last chunk carries ``finish_reason`` and ``usage``."""

    text: str
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Generator(Protocol):
    """Writes an answer from a request, piece by piece."""

    @property
    def context_tokens(self) -> int | None:
        """Longest prompt plus answer in tokens; None when there is no limit."""
        ...

    @property
    def accepts_embeddings(self) -> bool:
        """Whether the backend takes prompt embeddings, so that structure can enter as soft tokens."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt as this backend counts them, its chat template included."""
        ...

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the answer. Concatenated chunk texts are the answer; the last chunk says why it ended.

        Raises:
            GenerationError: the backend failed; what was yielded before is not an answer.
        """
        ...
