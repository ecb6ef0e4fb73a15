"""When a request that failed may be tried again, and how long to wait before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from secrets import SystemRandom

__all__ = ["RETRIED", "Patience", "retry_after"]

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that may pass by themselves."""


_uniform = SystemRandom().uniform


class Patience:
    """The waiting times of one request: doubling, with jitter, and no shorter than the server asks for.

    Half of each wait is random, so that clients that failed together do not come back together.

    Args:
        retries: how often to try again.
        first: seconds before the first retry.
        longest: seconds that a wait grows to.
        random: a number between its two arguments.

    Example:
        >>> patience = Patience(3, random=lambda low, high: high)
        >>> [patience.next_wait(None), patience.next_wait(5.0), patience.next_wait(None), patience.next_wait(None)]
        [0.5, 5.0, 2.0, None]
    """

    def __init__(
        self,
        retries: int,
        *,
        first: float = 0.5,
        longest: float = 16.0,
        random: Callable[[float, float], float] = _uniform,
    ) -> None:
        self.tried = 0
        self._retries, self._first, self._longest, self._random = retries, first, longest, random

    def next_wait(self, asked: float | None) -> float | None:
        """Seconds to wait before the next try; None when there is none left.

        Args:
            asked: what the server asked for.
        """
        self.tried += 1
        if self.tried > self._retries:
            return None
        wait = min(self._longest, self._first * 2 ** (self.tried - 1))
        return max(self._random(wait / 2, wait), asked or 0.0)


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for: a number, or the date to come back at. None when unreadable.

    Example:
        >>> retry_after("2.5"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after("soon")
        (2.5, 0.0, None)
        >>> retry_after("Wed, 21 Oct 2015 07:28:00 +99999999999999")
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
            date = date if date.tzinfo else date.replace(tzinfo=UTC)
            seconds = (date - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, OverflowError):  # no date, or one outside the calendar
            return None
    return max(0.0, seconds) if seconds < float("inf") else None
