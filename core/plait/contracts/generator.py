"""Generators write the answer.

A generator needs :class:`Generator` alone. What more a backend can do it says by one of the protocols that extend it:
:class:`BatchGenerator`, :class:`AsyncGenerator`, :class:`EmbeddingGenerator`, :class:`StructureGenerator`.

Structure enters as *soft tokens*. Where a message has a :class:`Slot`, a backend that takes embeddings puts ``k``
marker tokens of its own choice in front of the passage, and adds the request's ``soft_tokens`` of that passage to the
markers' embeddings. All zeros, or none, is the plain prompt in every bit: structure can always be switched off. A
backend that reads structural vectors itself is told of the weights that were trained for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from plait.contracts.passage import Passage
from plait.contracts.query import Query

__all__ = [
    "AsyncGenerator",
    "BatchGenerator",
    "Chunk",
    "EmbeddingGenerator",
    "EmbeddingSpace",
    "Evidence",
    "Generation",
    "GenerationRequest",
    "Generator",
    "Message",
    "Slot",
    "StructureGenerator",
    "StructureWeights",
    "Usage",
]

FinishReason = Literal["stop", "length", "declined"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage in the prompt, under the number shown to the model, with the retrieval score it had.

    ``structure`` is the structural vector of its document, float32 of shape (dimension,); None where the pipeline has
    no document graph, or the document is tied to no other. ``analysis`` is the passage cut into statements, made once
    per snapshot and shared by gate, generator and verifier; :func:`plait.text.passages.analysis_of` reads it, and makes
    one where it is missing. ``similarity`` is the cosine of the question with the whole passage; None where the
    pipeline searches no text vectors.
    """

    number: int
    passage: Passage
    title: str
    score: float
    structure: NDArray[np.float32] | None = field(default=None, compare=False)
    analysis: object | None = field(default=None, compare=False, repr=False)
    similarity: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a message, ``offset`` characters in, right in front of the text of passage ``number``."""

    offset: int
    number: int


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat prompt. ``slots``, in order of their offsets, mean nothing to backends that read text only."""

    role: Literal["system", "user", "assistant"]
    content: str
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, as the backend counts them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class StructureWeights:
    """Weights by which a :class:`StructureGenerator` reads :attr:`Evidence.structure`.

    Args:
        file: where they are; the index has compared it with the hash it was stored under.
        encoder: identity of the structural encoder that made the vectors (JSON); weights for another are refused.
    """

    file: Path
    encoder: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One answer to write: the question, the evidence, and the prompt made of both.

    Generators that read text use ``messages``; generators that work on passages use ``evidence``.
    ``seed`` matters only when ``temperature`` > 0; at 0 decoding is greedy and reproducible. ``max_tokens`` is at least
    1, ``temperature`` 0 or from 0.01 to 2, ``seed`` from 0 to 2**63 - 1; what is outside a generator refuses with a
    :class:`~plait.contracts.errors.GenerationError` before it does anything else; ``plait.config.check_request`` does.

    ``soft_tokens`` maps the number of a passage to what is added to the markers in its slot, float32 of shape
    (k, width); only for an :class:`EmbeddingGenerator`. ``structure`` names the weights that a
    :class:`StructureGenerator` reads structural vectors by; without them it reads text alone. With ``choices`` the
    answer is exactly one of them; with ``json_schema`` it is JSON of that schema. A backend that cannot do either
    raises a :class:`~plait.contracts.errors.GenerationError` rather than answer freely.
    """

    query: Query
    evidence: Sequence[Evidence]
    messages: Sequence[Message]
    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    stop: Sequence[str] = ()
    soft_tokens: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    choices: Sequence[str] = ()
    json_schema: Mapping[str, Any] | None = None
    structure: StructureWeights | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """A whole answer: what the chunks of one request add up to."""

    text: str
    finish_reason: FinishReason
    usage: Usage | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """The space that a model's token embeddings live in.

    Args:
        model: tells models apart, such as a name and a hash of the weights; checkpoints made for another are refused.
        width: numbers in one token embedding.
        rms: root mean square of the embedding matrix, the size that a soft token is scaled to.
    """

    model: str
    width: int
    rms: float


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

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt as this backend counts them, its chat template included."""
        ...

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the answer. Concatenated chunk texts are the answer; the last chunk says why it ended.

        Raises:
            GenerationError: the backend failed; what was yielded before is not an answer.
        """
        ...


@runtime_checkable
class BatchGenerator(Generator, Protocol):
    """A backend that answers several requests at once for less than one after the other."""

    def generate(self, requests: Sequence[GenerationRequest]) -> Sequence[Generation]:
        """One generation per request, in order: what :meth:`stream` would give for each.

        Raises:
            GenerationError: the backend failed; nothing of the batch is an answer.
        """
        ...


@runtime_checkable
class AsyncGenerator(Generator, Protocol):
    """A backend that waits without holding a thread."""

    def astream(self, request: GenerationRequest) -> AsyncIterator[Chunk]:
        """:meth:`stream` for an event loop. Closing the iterator ends the request at the backend."""
        ...


@runtime_checkable
class EmbeddingGenerator(Generator, Protocol):
    """A backend that takes prompt embeddings; ``soft_tokens`` says whether its settings allow it."""

    @property
    def soft_tokens(self) -> int:
        """Markers in front of each passage; 0 when soft tokens are off."""
        ...

    def embedding_space(self) -> EmbeddingSpace:
        """Where soft tokens have to land."""
        ...


@runtime_checkable
class StructureGenerator(Generator, Protocol):
    """A backend that reads the structural vectors of the evidence itself, by weights trained on the index in use."""

    @property
    def structure_file(self) -> str:
        """Name of the file that holds them in the index's model ``reader``; empty where it has weights of its own."""
        ...
