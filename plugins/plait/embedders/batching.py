"""Batches of similar length under a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["token_batches"]


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
