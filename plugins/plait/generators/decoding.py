"""From token numbers to text that may be shown: characters stay whole, stop strings never show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["StopFilter", "TextFromTokens"]


class TextFromTokens:
    """Decodes a growing list of tokens piece by piece.

    A token may hold part of a character, and a tokeniser may treat white space by its left neighbour. So each piece is
    the difference between decoding a short tail with and without the new tokens, held back while it ends in half a
    character.

    Args:
        decode: token numbers to text.

    Example:
        >>> letters = {0: b"caf", 1: bytes([0xC3]), 2: bytes([0xA9]), 3: b"!"}
        >>> text = TextFromTokens(lambda ids: b"".join(letters[i] for i in ids).decode("utf-8", "replace"))
        >>> [text.push(i) for i in range(4)]
        ['caf', '', 'é', '!']
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._context = 0
        self._shown = 0

    def push(self, token: int) -> str:
        """The text that one more token completes; may be empty."""
        self._tokens.append(token)
        return self._piece(flush=False)

    def flush(self) -> str:
        """What is left at the end, half characters included."""
        return self._piece(flush=True)

    def _piece(self, *, flush: bool) -> str:
        before = self._decode(self._tokens[self._context : self._shown])
        after = self._decode(self._tokens[self._context :])
        if len(after) <= len(before) or (after.endswith("\ufffd") and not flush):
            return ""
        self._context, self._shown = self._shown, len(self._tokens)
        return after[len(before) :]


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
