"""How long a stretch of a text is: in words, or in tokens of the encoders that will read it.

A text is looked at once, as a whole: a measure says where what it counts begins, and every later question is two
binary searches. For tokenizers that split at white space and marks first, as BERT's does, the tokens of a stretch cut
there are those of the whole text; for others the first one may differ.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plait.contracts import TokenCounting

__all__ = ["WORD", "Measure", "Ruler", "count_words", "tokens_of", "words"]

# Han, kana and hangul are written without spaces, so that each character counts. A run without any space (a hash, a
# genome, an encoded picture) counts one word per 48 characters: it fills an encoder's window just the same.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,48}")

Load = Callable[[int, int], float]
"""How full a passage would be with the units from the first to the last (excluded): 1 is full, more is too much."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is counted, and the most of it that a passage holds.

    Args:
        starts: where what it counts begins in a text; ascending characters.
        most: of a passage.
        context: whether what stands above a passage counts too, as encoders read it.
    """

    starts: Callable[[str], Sequence[int] | NDArray[np.int64]]
    most: int
    context: bool = False


class Ruler:
    """One text under several measures; a passage must keep to each of them.

    Example:
        >>> ruler = Ruler("three plain words", [words(4)])
        >>> ruler.load(0, 11), ruler.load(0, 17)
        (0.5, 0.75)
    """

    def __init__(self, text: str, measures: Sequence[Measure]) -> None:
        self._measures = measures
        self._marks = [list(measure.starts(text)) for measure in measures]
        self._rooms: dict[str, tuple[int, ...]] = {}

    def rooms(self, context: str = "") -> tuple[int, ...]:
        """What each measure leaves a passage under some context: at least half of it, however long that is."""
        if context not in self._rooms:
            self._rooms[context] = tuple(
                max(measure.most - taken, (measure.most + 1) // 2)
                for measure, taken in zip(self._measures, self._taken(context), strict=True)
            )
        return self._rooms[context]

    def crowded(self, context: str) -> bool:
        """Whether a context takes more than half of a passage."""
        return any(
            2 * taken > measure.most for measure, taken in zip(self._measures, self._taken(context), strict=True)
        )

    def _taken(self, context: str) -> list[int]:
        return [len(measure.starts(f"{context}\n")) if measure.context and context else 0 for measure in self._measures]

    def load(self, start: int, end: int, context: str = "") -> float:
        """How full a passage of the characters ``start`` to ``end`` is: 1 is full, more is too much."""
        return max(
            (bisect_left(marks, end) - bisect_left(marks, start)) / room
            for marks, room in zip(self._marks, self.rooms(context), strict=True)
        )

    def loads(self, spans: Sequence[tuple[int, int]], context: str = "") -> Load:
        """:meth:`load` of the stretch from one of ``spans`` to another, worked out ahead: packing asks often."""
        starts, ends = [start for start, _ in spans], [end for _, end in spans]
        marks = [
            (np.searchsorted(mark, starts).tolist(), np.searchsorted(mark, ends).tolist(), room)
            for mark, room in zip(map(np.asarray, self._marks), self.rooms(context), strict=True)
        ]
        return lambda first, last: max((after[last - 1] - before[first]) / room for before, after, room in marks)


def words(most: int) -> Measure:
    """Words: what white space separates, and single characters of scripts that use none."""
    return Measure(lambda text: [match.start() for match in WORD.finditer(text)], most)


def tokens_of(embedder: TokenCounting, most: int) -> Measure:
    """Tokens of an encoder, context included: at most ``most``, and never more than it reads at once."""
    taken = embedder.max_tokens - embedder.passage_tokens()  # by special tokens and the prefix of passages
    room = max(1, min(most, embedder.max_tokens) - taken)
    return Measure(lambda text: embedder.token_starts([text])[0], room, context=True)


def count_words(text: str) -> int:
    """How many words ``text`` has.

    Example:
        >>> count_words("three plain words"), count_words("三本の糸"), count_words("a" * 96)
        (3, 4, 2)
    """
    return sum(1 for _ in WORD.finditer(text))
