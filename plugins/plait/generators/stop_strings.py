"""Text up to a stop string, which never shows."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["StopFilter"]


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
