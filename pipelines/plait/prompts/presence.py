"""Whether a text mentions a name or holds a phrase: lenient on purpose, because "absent" makes a question declined."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from plait.text.content import Word

__all__ = ["holds", "mentions"]

NEAR = 120
"""Characters within which the words of one phrase must stand: about a sentence."""

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")


def mentions(text: str, name: str) -> bool:
    """Whether ``text`` writes ``name``: in any case, with or without hyphens and spaces, its plural included.

    An abbreviation of four or more letters also counts as mentioned where words with these initials follow one another.

    Example:
        >>> mentions("read aloud in libri-speech", "LibriSpeech"), mentions("BM 25 and MiniLMs", "BM25")
        (True, True)
        >>> mentions("binary embedding-based retrieval systems", "BEBRS"), mentions("a whisk", "Whisper")
        (True, False)
    """
    if _name_pattern(name).search(text):
        return True
    letters = name.rstrip("s")
    return len(letters) > 3 and letters.isupper() and letters.isalpha() and letters.casefold() in _initials(text)


def holds(text: str, words: Sequence[Word]) -> bool:
    """Whether all ``words`` stand near one another in ``text``, each in any form that shares its root.

    Example:
        >>> from plait.text.content import content_words
        >>> phrase = content_words("learning rate")
        >>> holds("the rate at which it learns", phrase), holds("deep learning", phrase)
        (True, False)
    """
    places = [[match.start() for match in _root_pattern(word.stem).finditer(text)] for word in words]
    if not all(places):
        return False
    return any(all(any(abs(at - first) <= NEAR for at in others) for others in places[1:]) for first in places[0])


@lru_cache(maxsize=1024)
def _name_pattern(name: str) -> re.Pattern[str]:
    bare = name[:-1] if len(name) > 3 and name.endswith("s") and not name.endswith("ss") else name
    parts = _PARTS.findall(bare) or [bare]
    return re.compile(r"(?<![^\W_])" + r"[\W_]{0,2}".join(map(re.escape, parts)), re.IGNORECASE)


@lru_cache(maxsize=1024)
def _root_pattern(stem: str) -> re.Pattern[str]:
    """Words that begin with the root: what Snowball leaves of a long word still carries a suffix or two."""
    root = stem if len(stem) < 6 else stem[: max(5, len(stem) - 2)]
    return re.compile(r"(?<![^\W_])" + re.escape(root), re.IGNORECASE)


def _initials(text: str) -> str:
    return "".join(match.group() for match in re.finditer(r"(?<![^\W_])[^\W\d_]", text)).casefold()
