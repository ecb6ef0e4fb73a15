"""Checks a generator against :class:`plait.contracts.Generator`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plait.contracts import Evidence, GenerationRequest, Generator, Message, Query
from plait.testing.memory import memory_view
from plait.testing.samples import sample_documents

__all__ = ["GeneratorConformance"]


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
        prompt = "\n".join(f"[{item.number}] {item.passage.text}" for item in evidence)
        messages = (
            Message("system", "Answer from the passages."),
            Message("user", f"{prompt}\n\nQuestion: {question}"),
        )
        return GenerationRequest(Query(question), evidence, messages, max_tokens=16)

    def test_satisfies_the_protocol(self, generator: Generator) -> None:
        assert isinstance(generator, Generator)

    def test_says_what_it_can_take(self, generator: Generator) -> None:
        assert generator.context_tokens is None or generator.context_tokens > 0
        assert isinstance(generator.accepts_embeddings, bool)

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

    def test_a_longer_prompt_has_more_tokens(self, generator: Generator, request_: GenerationRequest) -> None:
        short, *_ = request_.messages
        counted = generator.count_tokens([short])
        assert 0 < counted < generator.count_tokens(request_.messages)

    def test_a_stream_may_be_left_half_way(self, generator: Generator, request_: GenerationRequest) -> None:
        stream = generator.stream(request_)
        next(stream)
        del stream
        assert "".join(chunk.text for chunk in generator.stream(request_)).strip()
