"""Asynchronous work for callers that are not: an event loop of its own, in a thread of its own.

The caller may itself be inside a running loop (a notebook, a web server), where a second one cannot be started.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["iterate", "run"]

T = TypeVar("T")
_END: Any = object()


def run(work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns. Interrupting the caller cancels it.

    Example:
        >>> async def answer():
        ...     return 42
        >>> run(answer())
        42
    """
    with _loop() as loop:
        return _wait(loop, work)


def iterate(source: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """What ``source`` yields. Leaving early, or interrupting the caller, closes it.

    Example:
        >>> async def letters():
        ...     yield "a"
        ...     yield "b"
        >>> list(iterate(letters()))
        ['a', 'b']
    """

    async def following() -> Any:
        return await anext(source, _END)

    with _loop() as loop:
        try:
            while (item := _wait(loop, following())) is not _END:
                yield item
        finally:
            _wait(loop, source.aclose())


def _wait(loop: AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    done = threading.Event()

    async def counted() -> T:
        try:
            return await work
        finally:
            done.set()

    future = asyncio.run_coroutine_threadsafe(counted(), loop)
    try:
        return future.result()
    except BaseException:
        if not future.done() or future.cancelled():
            # Interrupted while waiting: the work has to let go before anything else touches it.
            future.cancel()
            done.wait(timeout=10)
        raise


@contextmanager
def _loop() -> Iterator[AbstractEventLoop]:
    import asyncio  # costs a tenth of a second, which most pipelines never need

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="plait-http", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        _wait(loop, loop.shutdown_asyncgens())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
