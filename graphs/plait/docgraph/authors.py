"""Authors: names as keys, and which keys of a corpus mean one person.

A key is made from one name alone (:func:`parse_name`, :func:`authors_of`), so that what is stored never depends on
other documents. Which keys mean one person is decided over all of them (:func:`merge_persons`): "J. Smith" is taken
for "John Smith" only while no other fuller name in the corpus fits it; "Jane Smith" in one more document keeps all
three apart. Nothing is merged on likelihood, and every merge and every refusal is reported.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from plait.docgraph.normalisation import plain

__all__ = ["Author", "Name", "Persons", "authors_of", "merge_persons", "orcid_in", "parse_name"]

_ORCID = re.compile(r"\(?(?:https?://)?(?:www\.)?(?:orcid\.org/|orcid[:\s]+)?(\d{4}-\d{4}-\d{4}-\d{3}[\dXx])\)?")
_TITLES = {"phd", "md", "dr", "prof"}
_GENERATIONS = {"jr", "sr", "ii", "iii", "iv"}
_SUFFIXES = _TITLES | _GENERATIONS
# Between the names of a text that holds several, as BibTeX has it.
_BETWEEN = re.compile(r"\s*;\s*|\s+(?:and|&)\s+", re.IGNORECASE)
# They belong to the surname that follows: "van der Waals", "de la Cruz".
_PARTICLES = {
    *("van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "ter", "ten", "zu"),
    *("al", "el", "bin", "ibn", "st"),
}
# Words by which a name is that of a group, which has no surname.
_GROUP = re.compile(
    r"\b(?:collaboration|consortium|group|team|committee|network|initiative|project|society|association|inc|corp"
    r"|foundation|laboratory|university|institute)\b"
)
# "Perlis AJ", "Perlis A.J.": the surname first, without a comma, and initials in capitals.
_INITIALS_LAST = re.compile(r"^(?P<surname>.+?)\s+(?P<initials>[A-Z]{1,3}|[A-Z](?:\.-?\s*[A-Z])*\.)$")
_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
# "Wei Wang 0001": DBLP's number for one of several people of a name.
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


@dataclass(frozen=True, slots=True)
class Persons:
    """What became of the author keys: key -> the key it is merged into, and the keys that could be several."""

    merged: Mapping[str, str] = field(default_factory=dict)
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __getitem__(self, key: str) -> str:
        return self.merged.get(key, key)


def merge_persons(authors: Iterable[tuple[str, str]], papers: Iterable[Sequence[str]] = ()) -> Persons:
    """Merges a shorter form of a name into the one fuller form that fits it.

    Args:
        authors: (key, name as written) pairs; the written name matters for ORCID keys.
        papers: the author keys of each paper. Two authors of one paper are two people.

    Example:
        >>> merge_persons([("smith, j", ""), ("smith, john", "")]).merged
        {'smith, j': 'smith, john'}
        >>> merge_persons([("smith, j", ""), ("smith, john", ""), ("smith, jane", "")]).ambiguous
        {'smith, j': ('smith, jane', 'smith, john')}
        >>> merge_persons([("smith, j a", ""), ("smith, john", "")]).merged
        {}
        >>> merge_persons([("wang, wei", ""), ("wang, wei 0001", "")]).ambiguous
        {'wang, wei': ('wang, wei 0001',)}
        >>> merge_persons([("smith, j", ""), ("smith, john", "")], papers=[("smith, j", "smith, john")]).merged
        {}
    """
    # Only names with one surname and one first letter can fit each other: that keeps each comparison small.
    blocks: dict[tuple[str, str], dict[tuple[str, ...], str]] = defaultdict(dict)
    known: dict[str, set[str]] = defaultdict(set)  # name key -> ORCID keys
    names: set[str] = set()
    for key, label in authors:
        if key.startswith("orcid:"):
            name = parse_name(label)
            if name is None:
                continue
            known[name.key].add(key)
            named = name.key
        else:
            named = key
            names.add(key)
        surname, _, rest = named.partition(", ")
        if given := tuple(rest.split()):
            blocks[surname, given[0][0]][given] = named
    merged: dict[str, str] = {}
    ambiguous: dict[str, tuple[str, ...]] = {}
    for forms in blocks.values():
        if len(forms) > 1:
            _merge_forms(forms, merged, ambiguous)
    _use_orcids(known, merged, ambiguous)
    _keep_apart(papers, merged, ambiguous)
    return Persons(
        {key: merged[key] for key in sorted(merged) if key in names},
        {key: ambiguous[key] for key in sorted(ambiguous) if key in names},
    )


def _merge_forms(
    forms: Mapping[tuple[str, ...], str], merged: dict[str, str], ambiguous: dict[str, tuple[str, ...]]
) -> None:
    by_first: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for form in forms:
        by_first[form[0]].append(form)

    def fuller_than(given: tuple[str, ...]) -> list[tuple[str, ...]]:
        # Only an initial can stand for other first names; a full one is compared with those who share it.
        others = list(forms) if len(given[0]) == 1 else by_first[given[0]]
        return [form for form in others if form != given and _says_more(form, given)]

    for given, key in forms.items():
        fullest = [form for form in fuller_than(given) if not fuller_than(form)]
        # A number says that several people share the name: one without it may be any of them.
        if len(fullest) == 1 and not fullest[0][-1].isdigit():
            merged[key] = forms[fullest[0]]
        elif fullest:
            ambiguous[key] = tuple(sorted(forms[form] for form in fullest))


def _use_orcids(known: Mapping[str, set[str]], merged: dict[str, str], ambiguous: dict[str, tuple[str, ...]]) -> None:
    """A name without ORCID iD is that of the one person who has one under this name; of two, nobody knows."""
    people = {name: tuple(sorted(orcids)) for name, orcids in known.items()}
    for key, into in [*merged.items(), *((name, name) for name in people if name not in merged)]:
        owners = people.get(into, ())
        if key != into and key in people and people[key] != owners:
            owners = (*people[key], *(owners or (into,)))
        if key in ambiguous:
            continue
        if len(owners) == 1:
            merged[key] = owners[0]
        elif owners:
            merged.pop(key, None)
            ambiguous[key] = tuple(sorted(set(owners)))


def _keep_apart(papers: Iterable[Sequence[str]], merged: dict[str, str], ambiguous: dict[str, tuple[str, ...]]) -> None:
    """Takes back what would make one person of two who wrote a paper together."""
    for keys in papers:
        became: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            became[merged.get(key, key)].append(key)
        for into, together in became.items():
            for key in together if len(together) > 1 else ():
                if merged.pop(key, None) is not None:
                    ambiguous[key] = (into,)


def _says_more(fuller: tuple[str, ...], shorter: tuple[str, ...]) -> bool:
    """Whether ``fuller`` holds each part of ``shorter``, written out at least as far."""
    return len(fuller) >= len(shorter) and all(
        full == short or (len(short) == 1 and full.startswith(short))
        for full, short in zip(fuller, shorter, strict=False)
    )
