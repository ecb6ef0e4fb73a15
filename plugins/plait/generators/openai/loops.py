"""Asynchronous work for callers that are not: one event loop for all of them, in a thread of its own.

The caller may itself be inside a running loop (a notebook, a web server), where a second one cannot be started.
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import aclosing
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["iterate", "run"]

T = TypeVar("T")
_END: Any = object()
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
