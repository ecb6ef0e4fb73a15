"""Text and identifiers from many hands in one form each: equal titles, venues, topics and papers compare equal."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import unquote

__all__ = [
    "SCHEMES",
    "identifier_key",
    "identifier_keys",
    "plain",
    "title_key",
    "topic_key",
    "venue_key",
    "word_spans",
    "words",
]

_WORD = re.compile(r"[^\W_]+[+#]*")  # C, C++ and C# are three languages
_TOPIC_WORD = re.compile(r"[^\W_]+(?:\.[^\W_]+)*[+#]*")  # the category 3.15 is not 31.5
# Accents as Unicode takes them apart; those of Latin, Greek and Cyrillic letters stand in this block.
_MARKS = re.compile("[\u0300-\u036f]")
# Letters that Unicode does not take apart.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h", "ŧ": "t"}
)
# Of a venue's name: how it opens, which count of the conference it was, and in which year (1999, '19).
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


SCHEMES = ("id", "doi", "arxiv", "pmid", "pmcid", "openalex", "s2", "corpusid", "mag", "dblp", "acl")
"""Schemes that name one paper. An ISBN or a URL may be shared by all chapters of a book and proves nothing."""

_DOI = re.compile(r"10\.\d{4,9}/\S+")
_ARXIV_DOI = "10.48550/arxiv."
_ARXIV = re.compile(r"(?<![\d.])(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?!\d)", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


def identifier_key(scheme: str, value: str) -> str:
    """``scheme:value`` in its one form, or an empty string where the value is none of that scheme.

    Versions of an arXiv paper are one paper; its arXiv DOI is its arXiv id; DOIs do not mind case.

    Example:
        >>> identifier_key("arXiv", "https://arxiv.org/abs/2404.12096v2")
        'arxiv:2404.12096'
        >>> identifier_key("doi", "https://doi.org/10.48550/arXiv.2404.12096")
        'arxiv:2404.12096'
        >>> identifier_key("doi", "doi:10.1000/ABC."), identifier_key("doi", "none"), identifier_key("isbn", "3")
        ('doi:10.1000/abc', '', '')
    """
    scheme, value = scheme.strip().lower(), value.strip()
    if scheme == "id":
        return f"id:{value}" if value else ""
    if scheme == "doi":
        return _doi(value)
    if scheme == "arxiv":
        return _arxiv(value)
    if scheme in ("pmid", "pmcid"):
        digits = _DIGITS.search(value)
        return f"{scheme}:{int(digits.group())}" if digits else ""
    return f"{scheme}:{value.lower()}" if scheme in SCHEMES and value else ""


def identifier_keys(identifiers: Mapping[str, object]) -> list[str]:
    """The keys of all usable identifiers, most trusted scheme first.

    Example:
        >>> identifier_keys({"arxiv": "2404.12096", "isbn": "0-13", "doi": "10.1/x", "id": "a"})
        ['id:a', 'arxiv:2404.12096']
        >>> identifier_keys({"doi": "10.1000/x", "pmid": 12})
        ['doi:10.1000/x', 'pmid:12']
    """
    made = {identifier_key(str(scheme), str(value)) for scheme, value in identifiers.items() if value is not None}
    return sorted((key for key in made if key), key=lambda key: (SCHEMES.index(key.partition(":")[0]), key))


def _doi(value: str) -> str:
    found = _DOI.search(unquote(value))
    if not found:
        return ""
    doi = found.group().lower().rstrip(".,;)]}>\"'")
    return _arxiv(doi.removeprefix(_ARXIV_DOI)) if doi.startswith(_ARXIV_DOI) else f"doi:{doi}"


def _arxiv(value: str) -> str:
    found = _ARXIV.search(value)
    if not found:
        return ""
    archive, slash, number = found[1].lower().partition("/")
    return f"arxiv:{archive.split('.')[0]}/{number}" if slash else f"arxiv:{archive}"
