"""Names of authors as keys: one form for the ways a name is written, without guessing who is who.

A key is made from one name alone, so that what is stored never depends on other documents. Which keys mean one
person is decided over all of them by :mod:`plait.docgraph.persons`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from plait.docgraph.normalising import plain

__all__ = ["Author", "Name", "authors_of", "orcid_in", "parse_name"]

_ORCID = re.compile(r"\(?(?:https?://)?(?:www\.)?(?:orcid\.org/|orcid[:\s]+)?(\d{4}-\d{4}-\d{4}-\d{3}[\dXx])\)?")
_TITLES = {"phd", "md", "dr", "prof"}
_GENERATIONS = {"jr", "sr", "ii", "iii", "iv"}
_SUFFIXES = _TITLES | _GENERATIONS
_BETWEEN = re.compile(r"\s*;\s*|\s+(?:and|&)\s+", re.IGNORECASE)
_PARTICLES = {
    *("van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "ter", "ten", "zu"),
    *("al", "el", "bin", "ibn", "st"),
}
_GROUP = re.compile(
    r"\b(?:collaboration|consortium|group|team|committee|network|initiative|project|society|association|inc|corp"
    r"|foundation|laboratory|university|institute)\b"
)
_INITIALS_LAST = re.compile(r"^(?P<surname>.+?)\s+(?P<initials>[A-Z]{1,3}|[A-Z](?:\.-?\s*[A-Z])*\.)$")
_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_NUMBER = re.compile(r"(?<=[^\W\d_])[\s,]+(?P<number>\d{4})\s*$")
_APOSTROPHES = str.maketrans("", "", "'\u2019")


@dataclass(frozen=True, slots=True)
class Name:
    """A name in parts: ``given`` holds names and initials in order, all in lower case and without accents.

    ``number`` is what tells namesakes apart: what a bibliography such as DBLP puts behind a name that several people
    share ("Wei Wang 0001"), or the generation ("jr").
    """

    surname: str
    given: tuple[str, ...] = ()
    number: str = ""

    @property
    def key(self) -> str:
        """``surname, given given number``; the surname alone where nothing else is known."""
        behind = " ".join((*self.given, self.number)).strip()
        return f"{self.surname}, {behind}" if behind else self.surname


@dataclass(frozen=True, slots=True)
class Author:
    """An author of a document: the key of the name or ORCID, and the name as it was written."""

    key: str
    label: str


def parse_name(written: str) -> Name | None:
    """Takes a name apart; None where there is no letter in it.

    Understands "Perlis, A. J.", "A. J. Perlis", "Alan Perlis", "Perlis AJ", particles, suffixes, HTML entities and
    groups ("The ATLAS Collaboration"). Without a comma the last word is taken for the surname.

    Example:
        >>> parse_name("Perlis, A. J.") == parse_name("A.J. Perlis") == parse_name("Perlis AJ")
        True
        >>> parse_name("Johannes D. van der Waals, Jr.").key
        'van der waals, johannes d jr'
        >>> parse_name("The ATLAS Collaboration").key, parse_name("Haji&#x10D, Jan").key, parse_name("...")
        ('the atlas collaboration', 'hajic, jan', None)
        >>> parse_name("Wei Wang 0001").key, parse_name("Wang 0002, Wei").key
        ('wang, wei 0001', 'wang, wei 0002')
    """
    text = plain(written)
    if _GROUP.search(text):
        return Name(" ".join(re.findall(r"[^\W_]+", text)))
    if numbered := _numbered(written):
        name = parse_name(numbered[0])
        return name and replace(name, number=numbered[1])
    if generation := _GENERATIONS.intersection(_tokens(text)[1:]):
        name = parse_name(_without(written, generation))
        return name and replace(name, number=min(generation))
    parts = [part.strip() for part in text.split(",")]
    parts = [part for part in parts if part and not set(_tokens(part)) <= _SUFFIXES]
    if len(parts) >= 2:
        return _name(_tokens(parts[0]), _tokens(" ".join(parts[1:])))
    if not parts:
        return None
    # Case tells "Perlis AJ" from "Anna Li", so it is looked at before it is lost.
    as_written = " ".join(unicodedata.normalize("NFKC", written).split()).rstrip(",")
    if (inverted := _INITIALS_LAST.match(as_written)) and not re.search(r"\.|\b[A-Z]\b", inverted["surname"]):
        surname = inverted["surname"]
        if not (surname.isupper() and len(surname.split()) > 1):
            initials = tuple(letter.lower() for letter in inverted["initials"] if letter.isalpha())
            return _name(_tokens(plain(surname)), initials)
    tokens = [token for token in _tokens(parts[0]) if token not in _SUFFIXES] or _tokens(parts[0])
    start = len(tokens) - 1
    while start > 1 and tokens[start - 1] in _PARTICLES:
        start -= 1
    return _name(tokens[start:], tokens[:start])


def _without(written: str, words: Set[str]) -> str:
    """A name without some words and the dots behind them, its commas in place."""
    kept = re.sub(r"[^\W\d_]+\.?", lambda found: "" if plain(found[0]).rstrip(".") in words else found[0], written)
    return re.sub(r"(?:,\s*)+$", "", kept.strip())


def _numbered(written: str) -> tuple[str, str] | None:
    """A name without the number that tells it from the same name of others, and that number; None without one."""
    surname, comma, given = written.partition(",")
    for part, rest in ((written, ""), (surname, comma + given)):
        if found := _NUMBER.search(part):
            return part[: found.start()] + rest, found["number"]
    return None


def orcid_in(text: str) -> str:
    """The ORCID iD in ``text``, or an empty string where there is none or its check digit is wrong.

    Example:
        >>> orcid_in("https://orcid.org/0000-0002-1825-0097"), orcid_in("0000-0002-1825-0098")
        ('0000-0002-1825-0097', '')
    """
    found = _ORCID.search(text)
    if not found:
        return ""
    digits = found[1].replace("-", "").upper()
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11  # ISO 7064, MOD 11-2
    return found[1].upper() if digits[-1] == ("X" if check == 10 else str(check)) else ""


def authors_of(metadata: Mapping[str, Any]) -> list[Author]:
    """The authors of a document, each once, in order.

    ``authors`` holds names; a name may come as a mapping with ``name`` and ``orcid``, may have its ORCID iD written
    beside it, or find it in ``orcids`` (a list in the same order, or a mapping from the name as written).

    Example:
        >>> [author.key for author in authors_of({"authors": ["Haji&#x10D", ", Jan", "Hric, Jan", "J. Hric"]})]
        ['hajic, jan', 'hric, jan', 'hric, j']
        >>> authors_of({"authors": ["Josiah Carberry"], "orcids": ["0000-0002-1825-0097"]})[0].key
        'orcid:0000-0002-1825-0097'
    """
    made: dict[str, Author] = {}
    for written, orcid in _written(metadata):
        name = parse_name(_ORCID.sub(" ", written))
        key = f"orcid:{orcid}" if orcid else name.key if name else ""
        if key and key not in made:
            made[key] = Author(key, written)
    return list(made.values())


def _written(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each name as written, with its ORCID iD or an empty string."""
    given = metadata.get("authors") or []
    if isinstance(given, str) and not _GROUP.search(plain(given)):
        given = _BETWEEN.split(given)  # one text for all of them, as BibTeX has it
    entries: list[Any] = []
    for entry in given if isinstance(given, list | tuple) else [given]:
        if entries and isinstance(entry, str) and isinstance(entries[-1], str) and entry.lstrip().startswith(","):
            # "Haji&#x10D;, Jan" was once split at the end of its entity.
            entries[-1] += entry.lstrip()
        elif isinstance(entry, str | Mapping):
            entries.append(entry)
    orcids = metadata.get("orcids") or ()
    for number, entry in enumerate(entries):
        if isinstance(entry, Mapping):
            written, orcid = str(entry.get("name") or ""), str(entry.get("orcid") or "")
        else:
            written, orcid = str(entry), str(entry)
        if isinstance(orcids, Mapping):
            orcid = str(orcids.get(written) or orcid)
        elif isinstance(orcids, list | tuple) and len(orcids) == len(entries) and orcids[number]:
            orcid = str(orcids[number])
        yield " ".join(written.split()), orcid_in(orcid)


def _tokens(text: str) -> list[str]:
    return [token.translate(_APOSTROPHES) for token in _TOKEN.findall(text)]


def _name(surname: list[str], given: list[str] | tuple[str, ...]) -> Name | None:
    given = [token for token in given if token not in _SUFFIXES]
    surname = [token for token in surname if token not in _SUFFIXES] or surname  # "Thacher Jr., H. C."
    if not surname:
        surname, given = given[-1:], given[:-1]
    # "Jan van, der Waals" and "Waals, Jan van der" are one name.
    while len(given) > 1 and given[-1] in _PARTICLES:
        surname = [given[-1], *surname]
        given = given[:-1]
    return Name(" ".join(surname), tuple(given)) if surname else None
