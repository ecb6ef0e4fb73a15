"""Server-sent events out of bytes, as they arrive.

Follows the WHATWG specification of event streams, section 9.2.6. Only its three line ends part lines:
``str.splitlines`` would also cut at U+2028 or U+0085, which JSON may hold as they are.
"""

from __future__ import annotations

import re

__all__ = ["EventStream", "EventTooLongError"]

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventTooLongError(ValueError):
    """An event grew beyond its limit; whoever sent it is no such server."""


class EventStream:
    r"""Collects bytes and hands out the data of complete events.

    Args:
        limit: most bytes of one event.

    Example:
        >>> events = EventStream()
        >>> [events.push(piece) for piece in (b"data: {\"a\"", b": 1}\r\n\r", b"\n: comment\n\ndata: x\ndata: y\n\n")]
        [[], ['{"a": 1}'], ['x\ny']]
    """

    def __init__(self, limit: int = 4 * 2**20) -> None:
        self._limit = limit
        self._rest = b""
        self._after_return = False
        self._data: list[str] = []
        self._size = 0

    def push(self, piece: bytes) -> list[str]:
        """The data of the events that ``piece`` completes.

        Raises:
            EventTooLongError: an event is longer than the limit.
            UnicodeDecodeError: the bytes are not UTF-8.
        """
        if self._after_return and piece.startswith(b"\n"):
            piece = piece[1:]  # the second half of a line end that came in two pieces
        if piece:
            self._after_return = piece.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        found = []
        for line in lines:
            if line:
                self._field(line)
            elif self._data:
                found.append("\n".join(self._data))
                self._data, self._size = [], 0
        if self._size + len(self._rest) > self._limit:
            raise EventTooLongError(f"an event has more than {self._limit:,} bytes")
        return found

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name != b"data":
            return  # comments, and the fields event, id and retry, which this protocol does not use
        self._size += len(value)
        if self._size > self._limit:
            raise EventTooLongError(f"an event has more than {self._limit:,} bytes")
        self._data.append(value.removeprefix(b" ").decode("utf-8"))
