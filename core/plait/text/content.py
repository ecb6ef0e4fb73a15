"""Content words: what a sentence is about, as stems with their places, and how much each weighs in an index.

Used where texts are compared word by word (answer against evidence, question against evidence). A word that carries a
meaning of its own keeps it: ``nDCG@10``, ``BM25`` and ``2DMSE`` are words, ``42`` and ``.65`` are numbers and no words.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import Stemmer

from plait.contracts import IndexView

__all__ = ["COUNTED", "STOP_WORDS", "Idf", "Prose", "Word", "content_words", "idf_in", "stem", "stems", "words"]

_WORD = re.compile(r"[^\W_]+(?:@\d+)?(?:['\u2019](?:s|t|re|ve|ll|d|m)\b)?", re.IGNORECASE)
_STEMMER = Stemmer.Stemmer("english")

_FUNCTION_WORDS = """
    a about above across after again against all almost along already also although always am among an and
    another any are around as at away be became because become becomes been before being below between both but
    by came can cannot come could did do does doing done down due during each either else enough especially etc
    even ever every few for from further furthermore get give given gives go had has have having he hence her
    here hers herself him himself his how however i if in indeed instead into is it its itself just least less
    let like likely made make makes many may me might mine more moreover most mostly much must my myself namely
    near nearly neither never no nobody none nor not nothing now of off often on once one only onto or other
    others otherwise our ours ourselves out over own per perhaps please quite rather really s same say says seem
    seems several shall she should since so some something sometimes soon still such t than that the their
    theirs them themselves then there thereby therefore these they this those though through throughout thus to
    together too toward towards under until unto up upon us very via was we well were what whatever when
    whenever where whereas whereby wherein whether which while who whole whom whose why will with within without
    would yes yet you your yours yourself yourselves
    """
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Function words: they never decide whether one text speaks of what another does."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word: as it stands, lower-cased, stemmed, and its characters in the text.

    ``named`` says that it looks like a name: a capital inside a sentence, several capitals, or letters with digits.
    """

    text: str
    lower: str
    stem: str
    start: int
    end: int
    named: bool

    @property
    def content(self) -> bool:
        """Whether the word carries content: it is neither a function word nor a plain number."""
        return self.lower not in STOP_WORDS and not self.lower.isdecimal() and (len(self.lower) > 1 or self.named)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem of one lower-case word (Snowball English); words with digits are left alone.

    Example:
        >>> stem("retrieving"), stem("bm25")
        ('retriev', 'bm25')
    """
    if any(character.isdigit() for character in word):
        return word
    return str(_STEMMER.stemWord(word))


class Prose(str):
    """A text that remembers its words, for whoever looks at the same text many times.

    It may stand wherever a text may; :func:`words` and :func:`content_words` then find its words once.

    Example:
        >>> text = Prose("The scores of MiniLM")
        >>> content_words(text) is content_words(text)
        True
    """

    @cached_property
    def found(self) -> list[Word]:
        """All words."""
        return list(_words(self))

    @cached_property
    def content(self) -> list[Word]:
        """The content words."""
        return [word for word in self.found if word.content]


def words(text: str) -> Iterator[Word]:
    """All words of ``text`` in order, function words included.

    Example:
        >>> [(w.text, w.stem, w.named) for w in words("The BM25 scores of MiniLM")][1:3]
        [('BM25', 'bm25', True), ('scores', 'score', False)]
    """
    return iter(text.found) if isinstance(text, Prose) else _words(text)


def _words(text: str) -> Iterator[Word]:
    opens_sentence = True
    end = 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        opens_sentence = opens_sentence or any(mark in between for mark in ".!?:\n•")
        end = match.end()
        shown = match.group()
        lower = re.sub(r"['\u2019](?:s)$", "", unicodedata.normalize("NFKC", shown).casefold()).replace("\u2019", "'")
        yield Word(shown, lower, stem(lower), match.start(), end, _looks_named(shown, opens_sentence))
        opens_sentence = False


def content_words(text: str) -> list[Word]:
    """The content words of ``text`` in order.

    Example:
        >>> [word.stem for word in content_words("What is the nDCG@10 of dense retrieval?")]
        ['ndcg@10', 'dens', 'retriev']
    """
    return text.content if isinstance(text, Prose) else [word for word in _words(text) if word.content]


def stems(text: str) -> list[str]:
    """The stems of the content words of ``text`` in order."""
    return [word.stem for word in content_words(text)]


def _looks_named(word: str, opens_sentence: bool) -> bool:
    letters = [character for character in word if character.isalpha()]
    if not letters:
        return False
    capitals = sum(character.isupper() for character in letters)
    mixed = len(letters) < len(word.rstrip("'\u2019s"))
    return capitals > 1 or (mixed and any(c.isdigit() for c in word)) or (capitals == 1 and not opens_sentence)


COUNTED = "plait.text.idf"
"""Under this key a view keeps how many passages hold each stem, and how many were counted."""
SAMPLE = 3_000
"""Passages that are counted at most, spread evenly over the index: enough for weights, and bounded in time."""


class Idf:
    """The weight of stems in one index; call it with a stem."""

    def __init__(self, counts: Mapping[str, int], total: int) -> None:
        self._counts = counts
        self._total = total
        self._highest = math.log(1 + (total + 0.5) / 0.5)
        self._trust = min(1.0, total / 20)

    def __call__(self, stem: str) -> float:
        """The weight of a stem, in (0, 1]."""
        frequency = self._counts.get(stem, 0)
        idf = math.log(1 + (self._total - frequency + 0.5) / (frequency + 0.5)) / self._highest
        return max(0.05, self._trust * idf + (1 - self._trust))

    def knows(self, stem: str) -> bool:
        """Whether a counted passage holds the stem."""
        return stem in self._counts


def idf_in(view: IndexView) -> Idf:
    """The inverse document frequency of a stem among the passages of ``view``, scaled to (0, 1].

    A stem that no counted passage holds weighs 1. With ``n`` passages of which ``f`` hold the stem the weight is
    ``log(1 + (n - f + 0.5) / (f + 0.5)) / log(1 + (n + 0.5) / 0.5)``, the BM25 form, which is never negative.
    In an index of fewer than 20 passages frequencies say little, so the weights are drawn towards 1.
    """
    return Idf(*view.derived(COUNTED, lambda: _count(view)))


def _count(view: IndexView) -> tuple[Counter[str], int]:
    rows = range(0, len(view), max(1, len(view) // SAMPLE))
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update({word.stem for word in content_words(view.passage(row).embedding_text)})
    return counts, len(rows)
