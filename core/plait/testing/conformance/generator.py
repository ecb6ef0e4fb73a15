"""Checks a generator against :class:`plait.contracts.Generator`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.contracts import (
    BatchGenerator,
    EmbeddingGenerator,
    Evidence,
    GenerationRequest,
    Generator,
    Message,
    Query,
    Slot,
)
from plait.contracts.errors import GenerationError
from plait.testing.memory import memory_view
from plait.testing.samples import sample_documents

__all__ = ["GeneratorConformance"]

FAULTS: dict[str, Callable[[NDArray[np.float32]], Any]] = {
    "too narrow": lambda good: good[:, 1:],
    "too wide": lambda good: np.pad(good, ((0, 0), (0, 1))),
    "too many": lambda good: np.pad(good, ((0, 1), (0, 0))),
    "empty": lambda good: good[:0],
    "not a number": lambda good: good + np.float32("nan"),
    "infinite": lambda good: good + np.float32("inf"),
    "of another type": lambda good: good.astype(np.float64),
    "not two-dimensional": lambda good: good[None],
}
"""What the gate before a backend has to stop."""

OUT_OF_BOUNDS: Sequence[dict[str, Any]] = (
    *({"max_tokens": value} for value in (0, -1, 2**31, 1.5)),
    *({"temperature": value} for value in (-1.0, 1e-310, 2.5, 1e30, math.inf, math.nan)),
    *({"seed": value, "temperature": temperature} for value in (-1, 2**63) for temperature in (0.0, 1.0)),
)
"""What no backend can serve, or only one and another not."""


class GeneratorConformance:
    """Override :meth:`generator`; override :meth:`request_` to ask something else."""

    @pytest.fixture
    def generator(self) -> Generator:
        """The generator to check."""
        raise NotImplementedError("override the fixture 'generator' in your subclass")

    @pytest.fixture
    def request_(self) -> GenerationRequest:
        """A question with three passages of evidence, and the prompt made of both."""
        view = memory_view(sample_documents())
        evidence = [
            Evidence(number, view.passage(row), view.title(view.passage(row).document_id), 1.0 / number)
            for number, row in enumerate((3, 4, 0), 1)
        ]
        question = "Where do the negatives of dense retrieval come from?"
        prompt, slots = "", []
        for item in evidence:
            prompt += f"[{item.number}] "
            slots.append(Slot(len(prompt), item.number))
            prompt += f"{item.passage.text}\n"
        messages = (
            Message("system", "Answer from the passages."),
            Message("user", f"{prompt}\nQuestion: {question}", tuple(slots)),
        )
        return GenerationRequest(Query(question), evidence, messages, max_tokens=16)

    @pytest.fixture
    def embedding_generator(self, generator: Generator) -> EmbeddingGenerator:
        """The generator, if it takes soft tokens; what is about them is skipped for others."""
        if not (isinstance(generator, EmbeddingGenerator) and generator.soft_tokens):
            pytest.skip("this generator takes no embeddings, or its soft tokens are off")
        return generator

    def test_satisfies_the_protocol(self, generator: Generator) -> None:
        assert isinstance(generator, Generator)

    def test_says_what_it_can_take(self, generator: Generator) -> None:
        assert generator.context_tokens is None or generator.context_tokens > 0
        if getattr(generator, "soft_tokens", 0):
            assert isinstance(generator, EmbeddingGenerator), "it has soft tokens and does not say where they go"
            assert generator.embedding_space().width > 0

    def test_writes_an_answer_and_ends_it_once(self, generator: Generator, request_: GenerationRequest) -> None:
        chunks = list(generator.stream(request_))
        assert "".join(chunk.text for chunk in chunks).strip(), "the answer is empty"
        assert [chunk.finish_reason is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
        assert chunks[-1].finish_reason in {"stop", "length", "declined"}

    def test_counts_what_it_read_and_wrote(self, generator: Generator, request_: GenerationRequest) -> None:
        usage = list(generator.stream(request_))[-1].usage
        assert usage is not None
        assert usage.prompt_tokens >= 0
        assert 0 < usage.completion_tokens <= request_.max_tokens

    def test_a_greedy_answer_is_reproducible(self, generator: Generator, request_: GenerationRequest) -> None:
        first = "".join(chunk.text for chunk in generator.stream(request_))
        second = "".join(chunk.text for chunk in generator.stream(replace(request_, seed=99)))
        assert first == second

    @pytest.mark.parametrize("values", OUT_OF_BOUNDS, ids=str)
    def test_values_outside_their_bounds_are_refused_by_name(
        self, values: dict[str, Any], generator: Generator, request_: GenerationRequest
    ) -> None:
        (name,) = set(values) - {"temperature"} or {"temperature"}
        with pytest.raises(GenerationError, match=rf"{name} is .* must be"):
            list(generator.stream(replace(request_, **values)))
        if isinstance(generator, BatchGenerator):
            with pytest.raises(GenerationError, match=rf"{name} is .* must be"):
                generator.generate([request_, replace(request_, **values)])

    def test_a_longer_prompt_has_more_tokens(self, generator: Generator, request_: GenerationRequest) -> None:
        short, *_ = request_.messages
        counted = generator.count_tokens([short])
        assert 0 < counted < generator.count_tokens(request_.messages)

    def test_a_stream_may_be_left_half_way(self, generator: Generator, request_: GenerationRequest) -> None:
        stream = generator.stream(request_)
        next(stream)
        del stream
        assert "".join(chunk.text for chunk in generator.stream(request_)).strip()

    def test_a_batch_says_what_single_requests_say(self, generator: Generator, request_: GenerationRequest) -> None:
        if not isinstance(generator, BatchGenerator):
            pytest.skip("this generator has no batches")
        requests = [request_, replace(request_, max_tokens=4), request_]
        generations = generator.generate(requests)
        assert len(generations) == len(requests)
        for request, generation in zip(requests, generations, strict=True):
            chunks = list(generator.stream(request))
            assert generation.text == "".join(chunk.text for chunk in chunks)
            assert generation.finish_reason == chunks[-1].finish_reason
            assert generation.usage == chunks[-1].usage

    def test_a_choice_is_one_of_those_given_or_refused(self, generator: Generator, request_: GenerationRequest) -> None:
        choices = ("batch", "index", "nobody knows")
        for order in (choices, choices[::-1]):
            request = replace(request_, choices=order, max_tokens=64)
            assert _answer_or_refusal(generator, request) in {*choices, None}
        assert "".join(chunk.text for chunk in generator.stream(request_)).strip(), "it no longer answers freely"

    def test_a_json_schema_is_followed_or_refused(self, generator: Generator, request_: GenerationRequest) -> None:
        schema = {
            "type": "object",
            "properties": {"known": {"type": "boolean"}},
            "required": ["known"],
            "additionalProperties": False,
        }
        text = _answer_or_refusal(generator, replace(request_, json_schema=schema, max_tokens=64))
        assert text is None or isinstance(json.loads(text)["known"], bool)

    def test_soft_tokens_of_zero_change_nothing(
        self, embedding_generator: EmbeddingGenerator, request_: GenerationRequest
    ) -> None:
        plain = list(embedding_generator.stream(request_))
        zeros = list(embedding_generator.stream(replace(request_, soft_tokens=_zeros(embedding_generator, request_))))
        assert [chunk.text for chunk in zeros] == [chunk.text for chunk in plain]
        assert zeros[-1].usage == plain[-1].usage

    def test_markers_count_as_tokens(
        self, embedding_generator: EmbeddingGenerator, request_: GenerationRequest
    ) -> None:
        bare = [replace(message, slots=()) for message in request_.messages]
        slots = sum(len(message.slots) for message in request_.messages)
        marked = embedding_generator.count_tokens(request_.messages)
        # Cutting the text at a slot may cost a token or two of its own, and may save none.
        assert marked >= embedding_generator.count_tokens(bare) + slots * embedding_generator.soft_tokens

    @pytest.mark.parametrize("fault", FAULTS)
    def test_soft_tokens_that_could_harm_the_backend_are_refused(
        self, fault: str, embedding_generator: EmbeddingGenerator, request_: GenerationRequest
    ) -> None:
        before = "".join(chunk.text for chunk in embedding_generator.stream(request_))
        soft_tokens: dict[int, Any] = _zeros(embedding_generator, request_)
        number = min(soft_tokens)
        soft_tokens[number] = FAULTS[fault](soft_tokens[number])
        with pytest.raises(GenerationError):
            list(embedding_generator.stream(replace(request_, soft_tokens=soft_tokens)))
        after = "".join(chunk.text for chunk in embedding_generator.stream(request_))
        assert after == before, "a refused request changed a later answer"


def _answer_or_refusal(generator: Generator, request: GenerationRequest) -> str | None:
    try:
        return "".join(chunk.text for chunk in generator.stream(request))
    except GenerationError:
        return None


def _zeros(generator: EmbeddingGenerator, request: GenerationRequest) -> dict[int, NDArray[np.float32]]:
    shape = (generator.soft_tokens, generator.embedding_space().width)
    numbers = [slot.number for message in request.messages for slot in message.slots]
    return {number: np.zeros(shape, dtype=np.float32) for number in numbers}
