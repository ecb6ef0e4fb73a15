"""Work that asks a batch backend from many threads, with backends that really write."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from plait.contracts import Chunk, Generation, GenerationRequest, Generator, Message, Query
from plait.contracts.errors import GenerationError
from plait.evaluation.answers.together import in_batches


class Upper:
    """Answers in capitals, one by one."""

    context_tokens = 512
    accepts_embeddings = False

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content) for message in messages)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        yield Chunk(request.query.text.upper(), "stop")


class UpperBatch(Upper):
    """Answers in capitals, many at once, and remembers what came together."""

    def __init__(self, broken: str = "", forgetful: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.broken = broken
        self.forgetful = forgetful

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        self.batches.append([request.query.text for request in requests])
        if self.broken in self.batches[-1]:
            raise GenerationError(f"cannot write {self.broken}")
        return [Generation(request.query.text.upper(), "stop") for request in requests][self.forgetful :]


def asked(text: str, generator: Generator) -> str:
    """What the generator writes about a text."""
    return "".join(chunk.text for chunk in generator.stream(GenerationRequest(Query(text), (), ())))


def test_requests_of_a_group_are_one_batch_in_the_order_of_the_items() -> None:
    backend, seen = UpperBatch(), []
    assert in_batches(asked, list("abcdefg"), backend, 3, seen.append) == list("ABCDEFG")
    assert backend.batches == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert seen == [3, 6, 7]


def test_a_backend_without_batches_is_asked_item_by_item() -> None:
    seen: list[int] = []
    assert in_batches(asked, ["a", "b"], Upper(), 16, seen.append) == ["A", "B"]
    assert seen == [1, 2]


def test_items_that_never_ask_hold_nobody_up_and_those_that_ask_twice_do_it_together() -> None:
    def work(text: str, generator: Generator) -> str:
        if text in "ace":
            return text
        first = asked(text, generator)
        return first if text == "d" else first + asked(f"{text}2", generator)

    backend = UpperBatch()
    assert in_batches(work, list("abcdef"), backend, 6) == ["a", "BB2", "c", "D", "e", "FF2"]
    assert backend.batches == [["b", "d", "f"], ["b2", "f2"]]


def test_one_item_works_at_a_time() -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def work(text: str, generator: Generator) -> str:
        nonlocal inside, most
        for _ in range(50):
            with lock:
                inside += 1
                most = max(most, inside)
            sum(range(1_000))
            with lock:
                inside -= 1
        return asked(text, generator)

    in_batches(work, list("abcd"), UpperBatch(), 4)
    assert most == 1


def test_a_failed_batch_fails_every_item_of_it_and_ends_the_run() -> None:
    backend = UpperBatch(broken="b")
    with pytest.raises(GenerationError, match="cannot write b"):
        in_batches(asked, list("abcd"), backend, 2)
    assert backend.batches == [["a", "b"]]


def test_an_item_may_go_on_after_a_failed_batch() -> None:
    def work(text: str, generator: Generator) -> str:
        try:
            return asked(text, generator)
        except GenerationError:
            return asked(f"{text}!", generator)

    backend = UpperBatch(broken="b")
    assert in_batches(work, ["a", "b"], backend, 2) == ["A!", "B!"]


def test_an_item_that_fails_by_itself_lets_the_others_end() -> None:
    def work(text: str, generator: Generator) -> str:
        if text == "b":
            raise ValueError("b is not for me")
        return asked(text, generator)

    backend = UpperBatch()
    with pytest.raises(ValueError, match="not for me"):
        in_batches(work, list("abc"), backend, 3)
    assert backend.batches == [["a", "c"]]


def test_a_backend_that_loses_an_answer_is_found_out() -> None:
    with pytest.raises(GenerationError, match="1 answers to 2 requests"):
        in_batches(asked, ["a", "b"], UpperBatch(forgetful=True), 2)


def test_the_window_and_the_count_of_tokens_are_the_backends_own() -> None:
    def work(text: str, generator: Generator) -> tuple[int | None, bool, int]:
        return generator.context_tokens, generator.accepts_embeddings, generator.count_tokens([Message("user", text)])

    assert in_batches(work, ["abc", "de"], UpperBatch(), 2) == [(512, False, 3), (512, False, 2)]
