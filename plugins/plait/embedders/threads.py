"""One torch thread inside, several Python threads outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["each_on_its_own", "single_threaded"]

T = TypeVar("T")

_lock = threading.Lock()
_inside = 0
_outside = 1


@contextmanager
def single_threaded() -> Iterator[int]:
    """Lets torch use one thread per operation; gives the number it used before.

    torch keeps this setting once for the process, for threads to come, and once for each thread that has used it.
    The first to enter saves the number; whoever leaves puts it back, for the process and for its own thread.
    """
    import torch

    global _inside, _outside
    with _lock:
        if not _inside:
            _outside = torch.get_num_threads()
        torch.set_num_threads(1)
        _inside += 1
        before = _outside
    try:
        yield before
    finally:
        with _lock:
            _inside -= 1
            torch.set_num_threads(_outside)


def each_on_its_own(work: Callable[[T], None], items: Sequence[T], workers: int) -> None:
    """Calls ``work`` for every item on ``workers`` threads, in order of the items; the first error is raised.

    Operations split over cores wait for the slowest core after each of some hundred steps a batch, which is dear
    when anything else runs on the machine. Whole batches on one core each wait once.
    """
    if workers <= 1 or len(items) <= 1:
        for item in items:
            work(item)
        return
    count = min(workers, len(items))
    with ThreadPoolExecutor(count, thread_name_prefix="plait-embedder", initializer=_use_one_thread) as pool:
        for _ in pool.map(work, items):
            pass


def _use_one_thread() -> None:
    """For a new thread: another one may have put the process's number back in the meantime."""
    import torch

    torch.set_num_threads(1)
