"""Brings text from many hands into one form, so that equal titles, venues and topics compare equal."""

from __future__ import annotations

import html
import re
import unicodedata

__all__ = ["plain", "title_key", "topic_key", "venue_key", "word_spans", "words"]

_WORD = re.compile(r"[^\W_]+[+#]*")  # C, C++ and C# are three languages
_TOPIC_WORD = re.compile(r"[^\W_]+(?:\.[^\W_]+)*[+#]*")  # the category 3.15 is not 31.5
_MARKS = re.compile("[\u0300-\u036f]")
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h", "ŧ": "t"}
)
_OPENING = re.compile(r"^(?:in\s*:?\s+)?(?:the\s+)?(?:conference\s+)?proc(?:eedings?)?\b\.?\s*(?:of\s+)?(?:the\s+)?")
_ORDINAL = re.compile(
    r"\b(?:\d+(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|\w+teenth|(?:twen|thir|for|fif|six|seven|eigh|nine)(?:tieth|ty[- ](?:first|second|third|\w+th)))\b"
)
_YEAR = re.compile(r"(?:\b|(?<=[a-z]))['\u2019]?(?:(?:18|19|20)\d\d|(?<=['\u2019])\d\d)\b")


def plain(text: str) -> str:
    """``text`` in lower case on one line: HTML entities decoded, accents of Latin, Greek and Cyrillic letters dropped.

    Marks of other scripts stay: there they tell words apart.

    Example:
        >>> plain("Jan Haji&#x10D"), plain("STRASSE"), plain("Łukasiewicz"), plain("が")
        ('jan hajic', 'strasse', 'lukasiewicz', 'が')
    """
    if "&" in text:
        text = html.unescape(html.unescape(text))  # twice: catalogues hold "&amp;#x10D;"
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
        text = unicodedata.normalize("NFC", text).casefold().translate(_LETTERS)
    return " ".join(text.casefold().split())


def words(text: str) -> list[str]:
    """The words of ``text``, without punctuation.

    Example:
        >>> words("Pre-training in C++: an “Introduction”")
        ['pre', 'training', 'in', 'c++', 'an', 'introduction']
    """
    return _WORD.findall(plain(text))


def word_spans(line: str) -> list[tuple[int, int]]:
    """Where the words of a text stand that went through :func:`plain`.

    Example:
        >>> word_spans("in c++: a")
        [(0, 2), (3, 6), (8, 9)]
    """
    return [found.span() for found in _WORD.finditer(line)]


def title_key(title: str) -> str:
    """Letters and digits of a title, run together: hyphens, spaces and case are set differently everywhere.

    Example:
        >>> title_key("BERT: Pre-training") == title_key("Bert – Pretraining.")
        True
    """
    return "".join(words(title))


def venue_key(name: str) -> str:
    """A venue without "Proceedings of the", counts and years, so that the years of one conference meet.

    Example:
        >>> venue_key("Proceedings of the 57th Annual Meeting of the ACL (2019)")
        'annual meeting of the acl'
        >>> venue_key("NAACL'19"), venue_key("2019")
        ('naacl', '2019')
    """
    whole = plain(name)
    short = _YEAR.sub(" ", _ORDINAL.sub(" ", _OPENING.sub("", whole)))
    return " ".join(_WORD.findall(short)) or " ".join(_WORD.findall(whole))


def topic_key(name: str) -> str:
    """A topic, keyword, category or institution in lower case, without punctuation.

    Example:
        >>> topic_key("Long-context Retrieval"), topic_key("3.15"), topic_key("C++")
        ('long context retrieval', '3.15', 'c++')
    """
    return " ".join(_TOPIC_WORD.findall(plain(name)))
