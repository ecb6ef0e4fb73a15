"""How good answers are: agreement with a gold answer, citations that re-open, refusals at the right time.

Rajpurkar et al. 2016, *SQuAD: 100,000+ questions for machine comprehension of text* (token F1, exact match).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from plait.contracts import Answer, Citation, Document

__all__ = [
    "Agreement",
    "CitationCheck",
    "Documents",
    "Refusals",
    "agreement",
    "check_citations",
    "refusals",
    "tokens",
]

_ARTICLES = frozenset({"a", "an", "the"})
# A sign (hyphen or minus), thousands commas, decimals; not part of a word such as "32k" or a range such as 2020-24.
_NUMBER = r"(?<![\w.])[-\u2212]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?!\w)"
_TOKEN = re.compile(rf"({_NUMBER})|\w+")


class Documents(Protocol):
    """Where documents are re-opened; every :class:`~plait.contracts.IndexView` is one."""

    def document(self, document_id: str) -> Document:
        """The stored document; KeyError when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Agreement:
    """An answer beside its gold answer, token by token; all in [0, 1].

    ``contains`` says whether all gold tokens stand in the answer in a row, ``recall`` which share of them stands
    there at all.
    """

    f1: float
    precision: float
    recall: float
    exact: bool
    contains: bool


@dataclass(frozen=True, slots=True)
class CitationCheck:
    """How many citations were re-opened, and those whose quote is not what stands in the document, with why."""

    total: int
    broken: tuple[tuple[Citation, str], ...] = ()

    @property
    def reopened(self) -> int:
        """Citations whose quote is exactly what stands there."""
        return self.total - len(self.broken)

    @property
    def rate(self) -> float | None:
        """Share of re-opened citations; None when there is none."""
        return self.reopened / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Refusals:
    """How often an answer was declined, for questions the corpus can and cannot answer."""

    unanswerable: int
    unanswerable_declined: int
    answerable: int
    answerable_declined: int

    @property
    def accuracy(self) -> float | None:
        """Share of questions that were answered or declined as they should be; None without questions."""
        total = self.unanswerable + self.answerable
        right = self.unanswerable_declined + self.answerable - self.answerable_declined
        return right / total if total else None


def tokens(text: str) -> list[str]:
    """Lower-case words and numbers without articles and punctuation.

    Differs from SQuAD's script in numbers: it drops the decimal point, so that 7.53 equals 75.3. Here a number
    keeps its point and sign, thousands commas go, and ``.645`` is ``0.645``.

    Example:
        >>> tokens("The F1 of 1,200 top-20 runs: .645!")
        ['f1', 'of', '1200', 'top', '20', 'runs', '0.645']
    """
    found = _TOKEN.finditer(unicodedata.normalize("NFKC", text).casefold())
    return [_number(match[1]) if match[1] else match[0] for match in found if match[0] not in _ARTICLES]


def agreement(answer: str, gold: str) -> Agreement:
    """Compares an answer with a gold answer.

    Two texts without tokens agree fully; one without tokens agrees with nothing else.

    Example:
        >>> result = agreement("It rises from 48.2 to 51.4.", "48.2 to 51.4")
        >>> result.contains, result.exact, result.recall, round(result.f1, 3)
        (True, False, 1.0, 0.667)
    """
    given, wanted = tokens(answer), tokens(gold)
    if not given or not wanted:
        same = given == wanted
        return Agreement(float(same), float(same), float(same), same, same)
    shared = sum((Counter(given) & Counter(wanted)).values())
    precision, recall = shared / len(given), shared / len(wanted)
    f1 = 2 * precision * recall / (precision + recall) if shared else 0.0
    starts = range(len(given) - len(wanted) + 1)
    contains = any(given[start : start + len(wanted)] == wanted for start in starts)
    return Agreement(f1, precision, recall, given == wanted, contains)


def check_citations(answer: Answer, documents: Documents) -> CitationCheck:
    """Re-opens every citation of every sentence and compares its quote with what stands there.

    Args:
        answer: the answer.
        documents: the snapshot it was made from.
    """
    citations = [citation for sentence in answer.sentences for citation in sentence.citations]
    broken = [(citation, why) for citation in citations if (why := _fault(citation, documents))]
    return CitationCheck(len(citations), tuple(broken))


def refusals(outcomes: Iterable[tuple[bool, bool]]) -> Refusals:
    """Counts (answerable, declined) pairs.

    Example:
        >>> refusals([(True, False), (True, True), (False, True)]).accuracy
        0.6666666666666666
    """
    counts = Counter(outcomes)
    return Refusals(
        unanswerable=counts[False, True] + counts[False, False],
        unanswerable_declined=counts[False, True],
        answerable=counts[True, True] + counts[True, False],
        answerable_declined=counts[True, True],
    )


def _number(text: str) -> str:
    """A number in one way of writing it."""
    plain = text.replace(",", "").replace("\u2212", "-")
    return re.sub(r"^(-?)\.", r"\g<1>0.", plain)


def _fault(citation: Citation, documents: Documents) -> str:
    """What is wrong with a citation; empty when nothing is."""
    span = citation.span
    try:
        text = documents.document(span.document_id).text
    except KeyError:
        return f"there is no document {span.document_id!r}"
    if not 0 <= span.start < span.end <= len(text):
        return f"characters {span.start} to {span.end} are outside the document's {len(text)}"
    if text[span.start : span.end] != citation.quote:
        return f"characters {span.start} to {span.end} read {text[span.start : span.end][:60]!r}"
    return ""
