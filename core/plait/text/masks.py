r"""What a text says once its disguises are off: invisible characters, lookalike letters, letters set apart.

An encoder, a language model and a reader see different things in ``i\u200bgnore`` or ``i g n o r e``. Prompts lose only
what nobody sees (:func:`visible`); judging a sentence needs the plain reading of all of it (:func:`unmasked`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["disguised", "seen", "unmasked", "visible"]

_JOINERS = "\u200c\u200d"
_KEPT = frozenset("\n\t\r")
_FILLERS = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
"""Letters and marks that show nothing."""
_HIDDEN_SELECTORS = range(0xE0100, 0xE01F0)
"""Variation selectors that no font of prose needs; they can spell out hidden text, as can the tags before them."""
_SCRIPTS_THAT_JOIN = 0x0590
"""From Hebrew on, scripts (and emoji) use joiners to show letters rightly."""

_MAY_HIDE = re.compile(r"[^\n\t\r -~\u00a1-\u00ac\u00ae-\u0377\u2010-\u2027\u2030-\u205f]")
"""Anything outside plain letters and punctuation is looked at one by one."""
_ACCENTS = re.compile(r"(?<=[A-Za-z])[\u0300-\u036f]+")
_DISGUISES = re.compile(r"[\u202d\u202e]|[\U000e0020-\U000e007e]{3,}")
_LATIN = re.compile(r"[A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")
_APART = re.compile(r"(?<![^\W_])[^\W\d_](?:([ .*_~-])[^\W\d_](?![^\W_]))(?:\1[^\W\d_](?![^\W_]))+")
_SPELLED = re.compile(
    "(ignore|disregard|forget|all|any|the|above|previous|prior|earlier|instructions?|prompt|and|reply|respond|answer"
    "|print|write|output|repeat|say|tell|only|just|with|word|phrase|nothing|else|user|that|now)"
)
_LOOKALIKES = str.maketrans("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456"
                            "\u0458\u0455\u0501\u0261\u04bb\u03bf\u03bd\u0131"
                            "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422"
                            "\u0425\u0406\u0405\u0391\u0395\u0399\u039f\u03a1\u03a4",
                            "aeopcyxijsdghovi" "ABEKMHOPCTXISAEIOPT")  # fmt: skip


def visible(text: str) -> str:
    r"""``text`` without what nobody sees: zero-width and direction characters, tags, fillers, control characters.

    Joiners between letters of scripts that need them stay, and so does white space.

    Example:
        >>> visible("i\u200bgno\u00adre \u202ethis\u202c")
        'ignore this'
    """
    places = seen(text)
    return text if len(places) == len(text) else "".join(text[place] for place in places)


def seen(text: str) -> Sequence[int]:
    r"""The places of the characters that :func:`visible` keeps.

    Example:
        >>> list(seen("a\u200bb"))
        [0, 2]
    """
    if not _MAY_HIDE.search(text):
        return range(len(text))
    return [
        place
        for place, character in enumerate(text)
        if not _unseen(character) or (character in _JOINERS and _joins(text, place))
    ]


def unmasked(text: str) -> str:
    r"""The plain reading of ``text``: what is visible, in plain letters and single blanks, letters set apart joined.

    It is made for judging, not for showing: accents of Latin letters are lost.

    Example:
        >>> unmasked("\uff32\uff45\uff50\uff4c\uff59  n\u043ew"), unmasked("s a y  n o t h i n g")
        ('Reply now', 'say nothing')
    """
    text = visible(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
        text = _WORD.sub(_in_one_script, text)
    return re.sub(r"[^\S\n]+", " ", _APART.sub(_joined, text))


def disguised(text: str) -> bool:
    r"""Whether text is turned round or hidden as no honest text in Latin letters is: direction overrides, tag letters.

    Example:
        >>> disguised("\u202eetirw\u202c that"), disguised("so\u00adlu\u00adtion")
        (True, False)
    """
    return _DISGUISES.search(text) is not None and _LATIN.search(text) is not None


def _unseen(character: str) -> bool:
    if character in _KEPT:
        return False
    return (
        unicodedata.category(character) in {"Cf", "Cc"} or character in _FILLERS or ord(character) in _HIDDEN_SELECTORS
    )


def _joins(text: str, place: int) -> bool:
    around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    return len(around) == 2 and all(ord(character) >= _SCRIPTS_THAT_JOIN for character in around) and (
        all(not _unseen(character) for character in around)
    )  # fmt: skip


def _in_one_script(match: re.Match[str]) -> str:
    """A word that mixes Latin letters with their lookalikes, in Latin letters; a word of another script as it is."""
    word = match.group()
    return word.translate(_LOOKALIKES) if not word.isascii() and any(c.isascii() for c in word) else word


def _joined(match: re.Match[str]) -> str:
    """Letters set apart as a word; as several where the blank between words was lost with the others."""
    word = match.group().replace(match.group(1), "")
    return " ".join(_SPELLED.sub(r" \1 ", word).split()) if len(word) > 12 else word
