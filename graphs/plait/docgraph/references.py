"""Resolves references to documents: by identifier, then by title and year. What is in doubt stays unresolved.

=====================  ==========  ==========================================================================
how                    confidence  when
=====================  ==========  ==========================================================================
an identifier          1.0         one document has it; all identifiers that are known name the same document
title                  0.95        equal title, years at most one apart
title                  0.9         equal title, a year unknown; or one of several such titles, by its year
title                  0.8         equal title, but both have an identifier of one scheme, and these differ; or
                                   several documents have it that are one paper
title in the text      0.85 / 0.7  a known title and one of its authors stand in the entry, and its year, give or take
                                   one / no year is known
near title             .77 to .9   0.9 times the share of common words (at least .85), years at most one apart
=====================  ==========  ==========================================================================

Of several documents that are one paper (see :meth:`Resolver.duplicates_of`) the one whose id sorts first is taken.

=====================  =====================================================================================
why not                when
=====================  =====================================================================================
unknown identifier     no document has the identifier, and no title was given
no match               no document has this title, or one near it from the same year
ambiguous              several documents fit equally well
identifiers disagree   its identifiers name different documents
other year             the title fits, the year does not
nothing to go by       it holds neither identifier nor title nor text
=====================  =====================================================================================
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from plait.contracts import Document, Reference
from plait.contracts.errors import DocumentError
from plait.docgraph.authors import authors_of, parse_name
from plait.docgraph.normalisation import identifier_key, identifier_keys, title_key, words
from plait.docgraph.titles import START, TitleIndex

__all__ = ["Record", "Resolution", "Resolver", "date_of", "year_of"]

_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_NAMES_COMPARED = 30  # authors of one document: papers of large collaborations have thousands
_CLEAR_LEAD = 0.05  # share of common words by which a near title must beat the next to be the only one
_LONG_TITLE = 4  # words: shorter titles ("Editorial") are used again and again, and prove no duplicate
_MOST_ALIKE = 50  # documents of one title, year and authors: more are a series, and their pairs grow with the square


@dataclass(frozen=True, slots=True)
class Record:
    """A document as the other end of a reference.

    Args:
        id: the document's id.
        title: its title.
        year: the year it is from, if known.
        identifiers: keys made by :func:`plait.docgraph.normalisation.identifier_keys`, without its id.
        surnames: of its first authors, normalised.
    """

    id: str
    title: str = ""
    year: int | None = None
    identifiers: tuple[str, ...] = ()
    surnames: frozenset[str] = frozenset()

    @classmethod
    def of(cls, document: Document) -> Record:
        """The record of a document.

        Example:
            >>> Record.of(Document("a", "On braids", (), {"year": 1999, "identifiers": {"doi": "10.1000/A"}}))
            Record(id='a', title='On braids', year=1999, identifiers=('doi:10.1000/a',), surnames=frozenset())
        """
        return cls.of_metadata(document.id, document.title, document.metadata)

    @classmethod
    def of_metadata(cls, id: str, title: str, metadata: Mapping[str, Any]) -> Record:  # noqa: A002 - the field's name
        """The record of a document of which only id, title and metadata are at hand."""
        given = metadata.get("identifiers")
        keys = [key for key in identifier_keys(given if isinstance(given, Mapping) else {}) if key[:3] != "id:"]
        scheme = "doi" if id.lower().startswith(("10.", "doi:", "https://doi.org/")) else id.partition(":")[0].lower()
        if scheme in ("doi", "arxiv") and (key := identifier_key(scheme, id)) and key not in keys:
            keys.append(key)  # readers use a DOI as the id where a paper has one
        names = [parse_name(author.label) for author in authors_of(metadata)[:_NAMES_COMPARED]]
        return cls(id, title, year_of(metadata), tuple(keys), frozenset(name.surname for name in names if name))


def year_of(metadata: Mapping[str, Any]) -> int | None:
    """The year, where it is a number that can be one."""
    year = metadata.get("year")
    if isinstance(year, str) and year.strip().isdecimal():
        year = int(year)
    if isinstance(year, float) and year.is_integer():
        year = int(year)
    return year if isinstance(year, int) and not isinstance(year, bool) and 0 < year < 10_000 else None


def date_of(metadata: Mapping[str, Any]) -> float:
    """The date in years: a whole number where only the year is known, else the middle of the month; NaN if neither.

    Example:
        >>> date_of({"year": 1958}), date_of({"year": 1958, "month": 12}), date_of({})
        (1958.0, 1958.9583333333333, nan)
    """
    year, month = year_of(metadata), metadata.get("month")
    if year is None:
        return math.nan
    known = isinstance(month, int) and not isinstance(month, bool) and 1 <= month <= 12
    return year + (month - 0.5) / 12 if known and month is not None else float(year)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which document a reference names: empty ``target`` when that is not known, and ``how`` then says why."""

    target: str
    confidence: float
    how: str


class Resolver:
    """All documents of a corpus as targets of references. Made for hundreds of thousands; nothing is quadratic.

    Example:
        >>> resolver = Resolver([Record("a", "Attention is all you need", 2017), Record("b", "Deep sets", 2017)])
        >>> resolver.resolve(Reference(title="Attention Is All You Need.", year=2018))
        Resolution(target='a', confidence=0.95, how='title')
        >>> resolver.resolve(Reference("Vaswani, A.: Attention is all you need. In NIPS, 2017.")).how
        'title in the text'
        >>> resolver.resolve(Reference(title="Attention is not explanation", year=2019))
        Resolution(target='', confidence=0.0, how='no match')
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records: list[Record | None] = []
        self._numbers: dict[str, int] = {}
        self._by_identifier: dict[str, list[int]] = {}
        self._titles = TitleIndex()
        for record in records:
            self.add(record)

    def __contains__(self, document_id: object) -> bool:
        return document_id in self._numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def record(self, document_id: str) -> Record:
        """The record of a document; KeyError when there is none."""
        record = self._records[self._numbers[document_id]]
        assert record is not None  # noqa: S101 - numbers only name records that are there
        return record

    def records(self) -> list[Record]:
        """The records of all documents."""
        return [record for record in self._records if record is not None]

    def add(self, record: Record) -> None:
        """Takes a document in.

        Raises:
            DocumentError: one with this id is there already.
        """
        if record.id in self._numbers:
            raise DocumentError(
                f"the id {record.id!r} is used by two documents", where="document graph", fix="remove one of the two"
            )
        number = self._titles.add(record.title)
        self._numbers[record.id] = number
        self._records.append(record)
        for key in record.identifiers:
            self._by_identifier.setdefault(key, []).append(number)

    def remove(self, document_id: str) -> Record | None:
        """Forgets a document and returns its record; None when it was not there."""
        number = self._numbers.pop(document_id, None)
        if number is None:
            return None
        record, self._records[number] = self._records[number], None
        self._titles.remove(number)
        return record

    def resolve(self, reference: Reference, source: str = "") -> Resolution:
        """The document that ``reference`` names.

        Args:
            reference: an entry of a bibliography.
            source: the document it stands in, which it is taken to name only by id.
        """
        keys = identifier_keys(reference.identifiers)
        if keys and (named := self._by_identifiers(keys)):
            return named
        if reference.title and (found := self._resolve_title(reference, reference.title, keys, source)):
            return found
        if reference.text and (found := self._resolve_text(reference, source)):
            return found
        if reference.title and (found := self._resolve_near(reference, source)):
            return found
        if reference.title or reference.text:
            return Resolution("", 0.0, "no match")
        return Resolution("", 0.0, "unknown identifier" if keys else "nothing to go by")

    def concerns(self, reference: Reference) -> bool:
        """Whether any document here could be what ``reference`` names, or be mistaken for it."""
        keys = identifier_keys(reference.identifiers)
        if self.knows_any(keys):
            return True
        title, text = reference.title, reference.text
        return bool(
            (title and (self._titles.equal(title) or self._titles.near(title)))
            or (text and (self._titles.within(text) or self._titles.equal(text)))
        )

    def knows_title(self, title: str) -> bool:
        """Whether a document here has this title."""
        return bool(self._titles.equal(title))

    def owners(self, keys: Iterable[str]) -> list[Record]:
        """The documents that have any of the identifiers."""
        return [owner for key in keys for owner in self._owners(key)]

    def knows_any(self, keys: Iterable[str]) -> bool:
        """Whether a document here has one of the identifiers."""
        return any(self._owners(key) for key in keys)

    def duplicates_of(self, record: Record) -> list[tuple[str, float]]:
        """(id, confidence) of other documents that are the same paper, ids sorted.

        1.0 where they share an identifier. 0.9 where title (of four words or more), year and the authors' surnames
        are equal and all known, and no identifier of one scheme tells them apart.
        """
        return sorted({twin: sure for group in reversed(self.twins_of(record)) for twin, sure in group}.items())

    def twins_of(self, record: Record) -> list[list[tuple[str, float]]]:
        """:meth:`duplicates_of`, one list for each shared identifier and at last one for the title."""
        groups = [[(other.id, 1.0) for other in self._owners(key)] for key in record.identifiers]
        if record.year is not None and record.surnames and len(words(record.title)) >= _LONG_TITLE:
            equal = self._alive(self._titles.equal(record.title))
            alike = [r for r in equal if (r.year, r.surnames) == (record.year, record.surnames)]
            # Where two of them are known to differ, nobody knows which of the two the others are.
            if len(alike) <= _MOST_ALIKE and not any(
                _tell_apart(a.identifiers, b.identifiers) for a, b in combinations(alike, 2)
            ):
                groups.append([(other.id, 0.9) for other in alike])
        others = ([(twin, sure) for twin, sure in sorted(group) if twin != record.id] for group in groups)
        return [group for group in others if group]

    def _alive(self, numbers: Iterable[int], source: str = "") -> list[Record]:
        records = (self._records[number] for number in numbers)
        return [record for record in records if record is not None and record.id != source]

    def _owners(self, key: str) -> list[Record]:
        if key.startswith("id:"):
            return [self.record(key[3:])] if key[3:] in self._numbers else []
        return self._alive(self._by_identifier.get(key, ()))

    def _by_identifiers(self, keys: Sequence[str]) -> Resolution | None:
        owners = [(key, owner) for key in keys for owner in self._owners(key)]
        if not owners:
            return None
        chosen = owners[0][1] if owners[0][0].startswith("id:") else min((o for _, o in owners), key=lambda o: o.id)
        if not self._one_paper([owner for _, owner in owners]):
            return Resolution("", 0.0, "identifiers disagree")
        return Resolution(chosen.id, 1.0, owners[0][0].partition(":")[0])

    def _resolve_title(self, reference: Reference, title: str, keys: Sequence[str], source: str) -> Resolution | None:
        records = self._alive(self._titles.equal(title), source)
        if not records:
            return None
        year = reference.year
        fitting = [record for record in records if _years_fit(record.year, year)]
        if not fitting:
            return Resolution("", 0.0, "other year")
        same_year = [record for record in fitting if record.year is not None and record.year == year]
        chosen = self._only(fitting) or self._only(same_year)
        if chosen is None:
            return Resolution("", 0.0, "ambiguous")
        if len(same_year or fitting) > 1:
            return Resolution(chosen.id, 0.8, "title")
        sure = chosen.year is not None and year is not None and len(records) == 1
        if _tell_apart(keys, chosen.identifiers):
            return Resolution(chosen.id, 0.8, "title")
        return Resolution(chosen.id, 0.95 if sure else 0.9, "title")

    def _resolve_text(self, reference: Reference, source: str) -> Resolution | None:
        numbers = self._titles.within(reference.text)
        if not numbers:
            # The whole entry may be a title too short to be looked for in running text.
            short = len(title_key(reference.text)) < START
            return self._resolve_title(reference, reference.text, (), source) if short else None
        spoken = set(words(reference.text))
        # "Introduction to statistics" also stands in longer titles: one of its authors has to stand there as well.
        records = [
            r
            for r in self._alive(numbers, source)
            if not r.surnames or any(spoken.issuperset(surname.split()) for surname in r.surnames)
        ]
        if not records:
            return None
        years = {int(year) for year in _YEAR.findall(reference.text)} | ({reference.year} - {None})
        dated = [r for r in records if r.year is not None and any(abs(r.year - y) <= 1 for y in years if y)]
        undated = [r for r in records if r.year is None or not years]
        if not dated and not undated:
            return Resolution("", 0.0, "other year")
        if chosen := self._only(dated or undated) or self._only([r for r in dated if r.year in years]):
            return Resolution(chosen.id, 0.85 if dated else 0.7, "title in the text")
        return Resolution("", 0.0, "ambiguous")

    def _resolve_near(self, reference: Reference, source: str) -> Resolution | None:
        near = [(dice, record) for dice, n in self._titles.near(reference.title) for record in self._alive([n], source)]
        near = [
            (dice, r)
            for dice, r in near
            if r.year is not None and reference.year and _years_fit(r.year, reference.year)
        ]
        if not near:
            return None
        best = near[0][0]
        chosen = self._only([record for dice, record in near if dice > best - _CLEAR_LEAD])
        return Resolution(chosen.id, round(0.9 * best, 3), "near title") if chosen else Resolution("", 0.0, "ambiguous")

    def _only(self, records: Sequence[Record]) -> Record | None:
        """The one record, or the first of several that are one paper; None otherwise."""
        if not records or not self._one_paper(records):
            return None
        return min(records, key=lambda record: record.id)

    def _one_paper(self, records: Sequence[Record]) -> bool:
        first, *others = sorted(records, key=lambda record: record.id)
        if all(other.id == first.id for other in others):
            return True
        same = {first.id, *(other for other, _ in self.duplicates_of(first))}
        return all(other.id in same for other in others)


def _years_fit(a: int | None, b: int | None) -> bool:
    """Print and preprint are often dated a year apart."""
    return a is None or b is None or abs(a - b) <= 1


def _tell_apart(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether both have an identifier of one scheme and share none of it."""
    schemes = {key.partition(":")[0] for key in a} & {key.partition(":")[0] for key in b}
    return any({k for k in a if k.startswith(f"{s}:")}.isdisjoint(b) for s in schemes)
