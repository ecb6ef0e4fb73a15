"""The pieces of an answer on their way: cut at a stop string, and handed between threads and event loops."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Sequence
from contextlib import aclosing
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio
    from asyncio import AbstractEventLoop

__all__ = ["StopFilter", "in_thread", "iterate", "run"]


class StopFilter:
    r"""Passes text on until a stop string appears, also one that arrives in several pieces.

    Example:
        >>> stop = StopFilter(["\n\n", "END"])
        >>> [stop.push(piece) for piece in ("one E", "N", "ough", " EN", "D two")], stop.stopped
        (['one ', '', 'ENough', ' ', ''], True)
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.stopped = False

    def push(self, piece: str) -> str:
        """The text that can be shown now. After :attr:`stopped` nothing more is."""
        if self.stopped:
            return ""
        text = self._held + piece
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.stopped = True
            self._held = ""
            return text[: min(places)]
        keep = max(
            (size for stop in self._stops for size in range(1, len(stop)) if text.endswith(stop[:size])), default=0
        )
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What was held back as a possible beginning of a stop string."""
        held, self._held = self._held, ""
        return "" if self.stopped else held


T = TypeVar("T")
_END: Any = object()


async def in_thread(start: Callable[[Callable[[], bool]], Generator[T, None, None]]) -> AsyncIterator[T]:
    """What an iterator yields, each item computed in a thread of the loop's executor, and only when it is asked for.

    Closing the asynchronous iterator, or cancelling the task that waits for it, ends the work: no further item is
    begun, and the one under way hears of it.

    Args:
        start: makes the iterator; it is given a function that says whether the work has been ended.

    Example:
        >>> import asyncio
        >>> async def first_of(count):
        ...     return [item async for item in in_thread(lambda ended: (n * n for n in range(count)))]
        >>> asyncio.run(first_of(4))
        [0, 1, 4, 9]
    """
    import asyncio

    ended = threading.Event()
    source = start(ended.is_set)
    pending: asyncio.Future[Any] | None = None
    try:
        while True:
            pending = asyncio.get_running_loop().run_in_executor(None, next, source, _END)
            # Shielded: a thread cannot be cancelled, and the iterator cannot be closed while it runs there.
            item = await asyncio.shield(pending)
            if item is _END:
                return
            yield item
    finally:
        ended.set()
        if pending is None or pending.done():
            source.close()
        else:
            pending.add_done_callback(lambda done: _close(done, source))


def _close(done: asyncio.Future[Any], source: Generator[Any, None, None]) -> None:
    if not done.cancelled():
        done.exception()  # seen: nobody waits for it any more
    source.close()


_starting = threading.Lock()
_loops: dict[int, AbstractEventLoop] = {}


def run(work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns. Interrupting the caller cancels it.

    Example:
        >>> async def answer():
        ...     return 42
        >>> run(answer())
        42
    """
    import asyncio

    future = asyncio.run_coroutine_threadsafe(work, _background())
    try:
        return future.result()
    finally:
        future.cancel()


def iterate(source: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """What ``source`` yields, as soon as it does. Leaving early, or interrupting the caller, closes it.

    Example:
        >>> async def letters():
        ...     yield "a"
        ...     yield "b"
        >>> list(iterate(letters()))
        ['a', 'b']
    """
    import asyncio

    items: SimpleQueue[T] = SimpleQueue()

    async def collect() -> None:
        try:
            async with aclosing(source):
                async for item in source:
                    items.put(item)
        finally:
            items.put(_END)

    # Read ahead of the caller: one hand-over for each item, and the server need not wait for who is slow.
    future = asyncio.run_coroutine_threadsafe(collect(), _background())
    try:
        while (item := items.get()) is not _END:
            yield item
        future.result()
    finally:
        future.cancel()


def _background() -> AbstractEventLoop:
    """The loop of this process: a thread does not live on in a process that was forked off."""
    import asyncio  # costs a tenth of a second, which most pipelines never need

    with _starting:
        if os.getpid() not in _loops:
            _loops.clear()
            _loops[os.getpid()] = loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="plait-http", daemon=True).start()
        return _loops[os.getpid()]
