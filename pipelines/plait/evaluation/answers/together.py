"""Lets a batch backend write many answers at once, although each question runs through its pipeline alone.

Every question runs in a thread of its own until its pipeline asks the generator. There it waits until the others of its
group wait too, or have ended without asking; then all their requests are one batch, in the order of the questions. One
thread works at a time: nothing races, and the same questions make the same batches in every run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from plait.contracts import (
    BatchGenerator,
    Chunk,
    EmbeddingGenerator,
    EmbeddingSpace,
    Generation,
    GenerationRequest,
    Generator,
    Message,
)
from plait.contracts.errors import GenerationError

__all__ = ["in_batches"]

T = TypeVar("T")
R = TypeVar("R")


def in_batches(
    work: Callable[[T, Generator], R],
    items: Sequence[T],
    generator: Generator,
    size: int,
    progress: Callable[[int], None] | None = None,
) -> list[R]:
    """Does ``work`` for each item, with answers written together where the backend can.

    Args:
        work: called with an item and the generator that it has to use; it streams at most one request at a time.
        items: the items.
        generator: the backend. One that is no :class:`~plait.contracts.BatchGenerator` is asked item by item.
        size: most items in one group.
        progress: called with the number of items that are done.

    Returns:
        The results in the order of the items.

    Raises:
        Exception: what ``work`` raised for the first item that failed; the rest of its group is let go.
    """
    done: list[R] = []
    if not isinstance(generator, BatchGenerator) or size < 2:
        for item in items:
            done.append(work(item, generator))
            if progress is not None:
                progress(len(done))
        return done
    for start in range(0, len(items), size):
        group = items[start : start + size]
        table = _Table(generator, len(group))
        with ThreadPoolExecutor(len(group)) as pool:
            futures = [pool.submit(table.seat, work, item, place) for place, item in enumerate(group)]
        done += [future.result() for future in futures]
        if progress is not None:
            progress(len(done))
    return done


class _Table:
    """One group: whose turn it is, who waits with which request, and what was written for whom."""

    def __init__(self, generator: BatchGenerator, size: int) -> None:
        self._generator = generator
        self._turn = threading.Condition()
        self._next = 0
        self._working = size
        self._requests: dict[int, GenerationRequest] = {}
        self._written: dict[int, Generation | Exception] = {}

    def seat(self, work: Callable[[T, Generator], R], item: T, place: int) -> R:
        """Runs one item. The lock is held all the while, except where it waits."""
        with self._turn:
            self._turn.wait_for(lambda: self._next == place)  # the items begin in their order
            try:
                return work(item, _Seat(self, self._generator, place))
            finally:
                self._next = max(self._next, place + 1)
                self._working -= 1
                self._serve()
                self._turn.notify_all()

    def ask(self, request: GenerationRequest, place: int) -> Generation:
        """Waits for the others, and returns what was written for this place."""
        self._requests[place] = request
        self._working -= 1
        self._next = max(self._next, place + 1)
        self._serve()
        self._turn.notify_all()
        self._turn.wait_for(lambda: place in self._written)
        written = self._written.pop(place)
        if isinstance(written, Exception):
            raise written
        return written

    def _serve(self) -> None:
        """Has the batch written once nobody works any more."""
        if self._working or not self._requests:
            return
        places = sorted(self._requests)
        batch = [self._requests.pop(place) for place in places]
        try:
            answers = self._generator.generate(batch)
            if len(answers) != len(batch):
                raise GenerationError(f"the generator gave {len(answers)} answers to {len(batch)} requests")
            self._written.update(zip(places, answers, strict=True))
        except Exception as error:
            self._written.update(dict.fromkeys(places, error))
        self._working = len(places)


class _Seat:
    """The generator as one item sees it."""

    def __init__(self, table: _Table, inner: Generator, place: int) -> None:
        self._table = table
        self._inner = inner
        self._place = place

    @property
    def context_tokens(self) -> int | None:
        return self._inner.context_tokens

    @property
    def accepts_embeddings(self) -> bool:
        return self._inner.accepts_embeddings

    @property
    def soft_tokens(self) -> int:
        return self._inner.soft_tokens if isinstance(self._inner, EmbeddingGenerator) else 0

    def embedding_space(self) -> EmbeddingSpace:
        if not isinstance(self._inner, EmbeddingGenerator):
            raise GenerationError("this generator takes no embeddings")
        return self._inner.embedding_space()

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._inner.count_tokens(messages)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        written = self._table.ask(request, self._place)
        yield Chunk(written.text, written.finish_reason, written.usage, written.detail)
