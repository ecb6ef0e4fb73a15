"""Many texts at once: batches of similar length, padded and pooled, each on a core of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from plait.embedders.model_folder import Pooling

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["each_on_its_own", "pad", "pool", "single_threaded", "token_batches"]

T = TypeVar("T")

_lock = threading.Lock()
_inside = 0
_outside = 1


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Groups positions so that each group, padded to its longest, holds at most ``budget`` tokens.

    The longest come first, so that a batch too big for memory fails at once and not after an hour. A single text
    longer than the budget is a group of its own.

    Args:
        lengths: tokens of each text.
        budget: most tokens of a padded group.

    Example:
        >>> list(token_batches([5, 1, 4, 2], budget=10))
        [[0, 2], [3, 1]]
    """
    group: list[int] = []
    longest = 0
    for position in sorted(range(len(lengths)), key=lambda position: -lengths[position]):
        if group and longest * (len(group) + 1) > budget:
            yield group
            group = []
        if not group:
            longest = max(1, lengths[position])
        group.append(position)
    if group:
        yield group


def pad(batch: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token numbers and mask of a batch, both (texts, longest), int64; zeros behind each text."""
    import torch

    lengths = torch.tensor([len(tokens) for tokens in batch])
    ids = torch.zeros((len(batch), int(lengths.max())), dtype=torch.long)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
    return ids, (torch.arange(ids.shape[1]) < lengths.unsqueeze(1)).long()


def pool(states: Tensor, mask: Tensor, how: Pooling) -> Tensor:
    """Pools token states in float32; padding may stand on either side.

    Args:
        states: (texts, tokens, dimension).
        mask: (texts, tokens), 1 where there is a token.
        how: ``mean`` over the tokens, the first (``cls``) or the last.

    Returns:
        (texts, dimension), float32, not yet of length 1.
    """
    import torch

    if how == "mean":
        weights = mask.to(torch.float32).unsqueeze(-1)  # (texts, tokens, 1)
        return (states.to(torch.float32) * weights).sum(1) / weights.sum(1).clamp(min=1.0)
    numbers = torch.arange(mask.shape[1], device=mask.device)
    if how == "cls":
        positions = torch.where(mask.bool(), numbers, mask.shape[1]).amin(1)
    else:
        positions = torch.where(mask.bool(), numbers, -1).amax(1)
    return states[torch.arange(len(states), device=mask.device), positions].to(torch.float32)


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
