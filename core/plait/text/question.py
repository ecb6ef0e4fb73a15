"""What a question names, which quantity it asks for, and whether a text mentions either; read off by rules.

Mentions are found leniently on purpose: "absent" makes a question declined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from plait.text.content import Word, words

__all__ = ["NEAR", "Focus", "foci", "holds", "mentions", "names"]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_QUANTITIES = _set(
    """accuracy budget capacity coefficient complexity concentration consumption correlation cost costs count
    decay density depth dimension dimensionality distance dosage dose duration emission emissions energy entropy error
    footprint frequency fraction height interval latency length lifetime loss margin mass memory momentum perplexity
    ph power precision prevalence price probability ratio rate rates recall schedule score scores size speed
    temperature threshold throughput time usage value variance velocity volume voltage weight width"""
)
"""Nouns for what is measured. With a word before it such a noun is a term ("error rate", "batch size"), and a text that
states the quantity nearly always calls it by that term. Other nouns are no such sign: real questions about textbook
pages ask for the "biological vector" or the "general strategy" where the page has its own words."""

_ENDS = _set(
    """is are was were be been do does did has have had can could will would shall should may might must of in on at
    for from to by with without between among than that when where while if as per within during after before under
    over against into through via about but not there you we i they he she it one"""
)
_DETERMINERS = _set("the a an this that these those its their his her our your each every any all both")
_PREPOSITIONS = _set("in on at for from to by with of after before under through into")
_BE = _set("is are was were")
_LOOSE = _set(
    """average best big common current different exact final first good high highest large largest last low lowest main
    maximal maximum mean median minimal minimum new original overall right same second small smallest standard total
    typical usual worst wrong people things times words numbers examples kinds types ways parts items cases points
    number amount"""
)
"""Words that a text may leave out or put otherwise."""

_CONTRACTED = re.compile(r"['\u2019][a-z]+$", re.IGNORECASE)
_QUANTITY = re.compile(r"\d+[a-z]{0,2}", re.IGNORECASE)


NEAR = 120
"""Characters within which the words of one phrase must stand: about a sentence."""

_NAME_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Focus:
    """A quantity that the question asks for: the words that must stand together in a text that states it."""

    words: tuple[Word, ...]
    text: str


def names(question: str) -> list[str]:
    """The names in a question as they stand there, each once; none when the question is written in title case.

    An abbreviation in brackets behind its own expansion is no name: the text may use either.

    Example:
        >>> names("How well does AlphaFold's search do on CASP14 proteins in the 1990s?")
        ['AlphaFold', 'CASP14']
        >>> names("Effects of Heat Conduction in Composite Slabs"), names("Decreased blood pressure (DBP) in mice")
        ([], [])
    """
    content = [word for word in words(question) if word.content]
    if len(content) > 2 and sum(word.text[0].isupper() for word in content) > 0.7 * len(content):
        return []
    found: dict[str, str] = {}
    for word in content:
        bracketed = question[word.start - 1 : word.start] == "(" and question[word.end : word.end + 1] == ")"
        shown = _CONTRACTED.sub("", word.text)
        if word.named and len(shown) > 1 and not bracketed and not _QUANTITY.fullmatch(shown):
            found.setdefault(shown.casefold(), shown)
    return list(found.values())


def foci(question: str) -> list[Focus]:
    """The quantities asked for: compounds behind ``which`` and ``what``, and what ``how many`` counts.

    Example:
        >>> [focus.text for focus in foci("Which learning rate was used to train the network of ATLANTIC?")]
        ['learning rate']
        >>> [focus.text for focus in foci("What is the word error rate of Whisper, and how many GPUs did it take?")]
        ['word error rate', 'GPUs']
        >>> foci("What does Contriever train on?"), foci("Which dataset is it?"), foci("What is the size of DPR?")
        ([], [], [])
    """
    tokens = list(words(question))
    found = []
    for place, token in enumerate(tokens):
        if not _asks(question, tokens, place):
            continue
        if token.lower in {"which", "what"}:
            phrase = _asked_for(question, tokens, place + 1)
            if len(phrase) < 2 or phrase[-1].lower not in _QUANTITIES:
                continue
        elif token.lower == "how" and place + 1 < len(tokens) and tokens[place + 1].lower in {"many", "much"}:
            phrase = _until(question, tokens, place + 2, _ENDS | _DETERMINERS | {"and", "or"})
            # Without an auxiliary behind it the phrase may run on into a verb: "how many authors wrote ...".
            phrase = phrase[-1:] if _closed(tokens, phrase) else []
        else:
            continue
        telling = tuple(word for word in phrase if word.content and word.lower not in _LOOSE)
        if telling and (len(telling) > 1 or token.lower == "how"):
            found.append(Focus(telling, question[telling[0].start : phrase[-1].end]))
    return found


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


def _asks(question: str, tokens: list[Word], place: int) -> bool:
    """Whether the word opens a question; else it opens a relative clause ("a program in which ...")."""
    before = tokens[place - 1] if place else None
    if before is not None and before.lower in _PREPOSITIONS:
        before = tokens[place - 2] if place > 1 else None
    if before is None or before.lower in {"and", "or", "but"}:
        return True
    return any(mark in question[before.end : tokens[place].start] for mark in ".!?:;,")


def _asked_for(question: str, tokens: list[Word], start: int) -> list[Word]:
    """The noun phrase behind ``which`` or ``what``; of two joined by ``and`` the second, whose end is known."""
    if start < len(tokens) and tokens[start].lower in _BE:
        if start + 1 >= len(tokens) or tokens[start + 1].lower not in {"the", "its", "their"}:
            return []  # "what is dense retrieval" asks for a definition
        phrase = _until(question, tokens, start + 2, _ENDS)
    else:
        phrase = _until(question, tokens, start, _ENDS | _DETERMINERS)
        if not _closed(tokens, phrase):
            phrase = phrase[:-1]  # no auxiliary behind it: its last word is the verb
    joints = [place for place, word in enumerate(phrase) if word.lower in {"and", "or"}]
    return phrase[joints[-1] + 1 :] if joints else phrase


def _closed(tokens: list[Word], phrase: list[Word]) -> bool:
    if not phrase:
        return False
    behind = next((word for word in tokens if word.start >= phrase[-1].end), None)
    return behind is not None and behind.lower in _ENDS


def _until(question: str, tokens: list[Word], start: int, ends: frozenset[str]) -> list[Word]:
    phrase: list[Word] = []
    for place in range(start, len(tokens)):
        token = tokens[place]
        gap = question[tokens[place - 1].end : token.start]
        if token.lower in ends or any(mark in gap for mark in ",;:.?!()"):
            break
        phrase.append(token)
    return phrase


@lru_cache(maxsize=1024)
def _name_pattern(name: str) -> re.Pattern[str]:
    bare = name[:-1] if len(name) > 3 and name.endswith("s") and not name.endswith("ss") else name
    parts = _NAME_PARTS.findall(bare) or [bare]
    return re.compile(r"(?<![^\W_])" + r"[\W_]{0,2}".join(map(re.escape, parts)), re.IGNORECASE)


@lru_cache(maxsize=1024)
def _root_pattern(stem: str) -> re.Pattern[str]:
    """Words that begin with the root: what Snowball leaves of a long word still carries a suffix or two."""
    root = stem if len(stem) < 6 else stem[: max(5, len(stem) - 2)]
    return re.compile(r"(?<![^\W_])" + re.escape(root), re.IGNORECASE)


def _initials(text: str) -> str:
    return "".join(match.group() for match in re.finditer(r"(?<![^\W_])[^\W\d_]", text)).casefold()
