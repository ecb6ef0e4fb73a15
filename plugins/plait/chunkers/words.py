"""Words as a measure of length: what white space separates, and characters of scripts that use none."""

from __future__ import annotations

import re

__all__ = ["count_words", "word_spans"]

# Han, kana and hangul are written without spaces, so that each character counts. A run without any space (a hash, a
# genome, an encoded picture) counts one word per 48 characters: it fills an encoder's window just the same.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,48}")


def count_words(text: str) -> int:
    """How many words ``text`` has.

    Example:
        >>> count_words("three plain words"), count_words("三本の糸"), count_words("a" * 96)
        (3, 4, 2)
    """
    return sum(1 for _ in _WORD.finditer(text))


def word_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Start and end of the words in ``text[start:end]``."""
    return [match.span() for match in _WORD.finditer(text, start, end)]
