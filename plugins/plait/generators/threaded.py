"""Blocking iterators for event loops."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

__all__ = ["in_thread"]

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
