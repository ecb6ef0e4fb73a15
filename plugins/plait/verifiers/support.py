"""Does this span say what this sentence says? One pair of texts in, a verdict with its reason out.

The verdict rests on words, never on a cosine: informative words of the claim must stand in the span (weighted by how
rare they are), and then four vetoes: numbers with their units, negation, opposites, and exchanged roles. A span that
passes is not proof of entailment, but each way of failing it is a way in which answers are wrong in practice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from dataclasses import dataclass

from plait.text.content import Prose, Word, content_words, stem, words
from plait.text.quantities import Quantity, agree, quantities
from plait.verifiers.assertion import announced_only, direction_missing, exchanged_roles, turned_comparison
from plait.verifiers.polarity import clauses, doubt_lost, negation_differs, opposites_of, quantifier_missing
from plait.verifiers.synonyms import canonical

__all__ = ["MIN_COVERAGE", "MIN_SPAN_COVERAGE", "Judgement", "SharedWords", "Sought", "judge", "same_text"]

MIN_COVERAGE = 0.80
"""Share of the claim's weight that span and context together must hold."""
MIN_SPAN_COVERAGE = 0.55
"""Share that the span alone must hold: a title may name the subject, it cannot make the statement."""
MAX_MISSING = 0.16
"""No single missing word may weigh more than this share of the claim."""

LIGHT_WEIGHT = 0.3
_LIGHT = frozenset(canonical(stem(word)) for word in ("reach", "show", "use", "present", "mean", "value"))
"""Words that hold a sentence together and say little: a table row has a score, it does not "reach" one."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a span supports a claim.

    Args:
        supported: the decision.
        score: coverage in [0, 1]: the share of the claim's weight that the span holds.
        reason: what failed; empty when supported.
    """

    supported: bool
    score: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SharedWords:
    """How much of a claim's words a span holds, and which word it lacks too much of; empty when none."""

    score: float
    reason: str = ""


class Sought:
    """A claim with what is sought of it in every span, found once.

    Args:
        claim: one sentence of an answer.
        weight: inverse document frequency of a stem; all words weigh the same without it.
    """

    def __init__(self, claim: str, weight: Callable[[str], float] | None = None) -> None:
        self.claim = Prose(claim)
        self.numbers = quantities(claim)
        claimed = [
            word for word in content_words(self.claim) if not any(q.start <= word.start < q.end for q in self.numbers)
        ]
        self.masses: list[tuple[Word, str, float]] = []
        for key, word in {canonical(word.stem): word for word in reversed(claimed)}.items():
            mass = (weight(word.stem) if weight is not None else 1.0) * (1.5 if word.named else 1.0)
            self.masses.append((word, key, mass * (LIGHT_WEIGHT if key in _LIGHT else 1.0)))
        self.total = sum(mass for _, _, mass in self.masses)
        self.compares = any(word.lower == "than" for word in words(self.claim))
        self.initials = any(_abbreviates(word) for word, _, _ in self.masses)

    def covered_by(self, here: Set[str], above: Set[str], span: str) -> SharedWords:
        """How far the words of a span cover the claim.

        Args:
            here: stems of the span's content words, each the first of its synonyms.
            above: the same of its context.
            span: its text, for abbreviations and comparisons.
        """
        turned = turned_comparison(self.claim, span) if self.compares else ""
        initials = _initials(span) if self.initials else ""
        covered = in_span = 0.0
        missing: list[tuple[float, Word]] = []
        for word, key, mass in self.masses:
            if key in here or word.stem == turned or (initials and _abbreviates(word) and word.lower in initials):
                covered += mass
                in_span += mass
            elif key in above:
                covered += mass
            else:
                missing.append((mass, word))
        if not self.total and not self.numbers:
            return SharedWords(0.0, "the sentence states nothing that could be checked")
        score = min(1.0, in_span / self.total) if self.total else 1.0
        return SharedWords(score, _missing_reason(missing, self.total, covered, in_span))

    def vetoed_by(self, span: str) -> str:
        """Why a span that holds the words still does not say it; empty when it does."""
        span = Prose(span)
        turned = turned_comparison(self.claim, span) if self.compares else ""
        return (
            _number_reason(self.claim, span, self.numbers)
            or _polarity_reason(self.claim, span, turned)
            or exchanged_roles(self.claim, span)
        )


def judge(claim: str, span: str, context: str = "", weight: Callable[[str], float] | None = None) -> Judgement:
    """Decides whether ``span`` supports ``claim``.

    Args:
        claim: one sentence of an answer.
        span: text of the stored document.
        context: title and headings above the span. They may name what the sentence is about, and nothing more.
        weight: inverse document frequency of a stem; all words weigh the same without it.

    Example:
        >>> judge("BM25 reaches .65 on SciFact.", "On SciFact, BM25 reaches an nDCG@10 of 0.65.").supported
        True
        >>> judge("BM25 reaches .66 on SciFact.", "On SciFact, BM25 reaches an nDCG@10 of 0.65.").reason
        'number .66 is not in the closest span'
    """
    if same_text(claim, span):
        return Judgement(True, 1.0)
    sought, span = Sought(claim, weight), Prose(span)
    here = {canonical(word.stem) for word in content_words(span)}
    covered = sought.covered_by(here, {canonical(word.stem) for word in content_words(context)}, span)
    reason = covered.reason or sought.vetoed_by(span)
    return Judgement(not reason, covered.score, reason)


def _missing_reason(missing: list[tuple[float, Word]], total: float, covered: float, in_span: float) -> str:
    missing.sort(key=lambda item: -item[0])
    named = [word.text for _, word in missing if word.named]
    if named:
        return f"no span contains '{named[0]}'"
    if total and (covered < MIN_COVERAGE * total or (missing and missing[0][0] > MAX_MISSING * total)):
        return f"no span contains '{missing[0][1].text}'"
    if total and in_span < MIN_SPAN_COVERAGE * total:
        return "the closest span holds too little of the sentence"
    return ""


def _number_reason(claim: str, span: str, numbers: list[Quantity]) -> str:
    if not numbers:
        return ""
    found = quantities(span)
    for number in numbers:
        equal = [other for other in found if agree(number, other)]
        if not equal:
            twin = next((other for other in found if _figures(other) == _figures(number) != ""), None)
            if twin is not None:
                return f"the unit of '{number.text}' differs: the span has '{twin.text}'"
            return f"number {number.text} is not in the closest span"
        if number.noun and all(other.noun and _other_noun(number, other, span) for other in equal):
            return f"the span counts something else: '{number.text}' there goes with '{equal[0].noun}'"
    return _wrongly_bound(claim, span, numbers, found)


def _figures(quantity: Quantity) -> str:
    """The figures as written, without unit: "36" of both "36 s" and "36 min"."""
    return "".join(character for character in quantity.text if character.isdigit() or character in "-.")


def _other_noun(number: Quantity, other: Quantity, span: str) -> bool:
    """Whether two equal numbers count different things: the claim's noun does not stand close behind the span's."""
    behind = content_words(span[other.end : other.end + 60])[:4]
    return canonical(number.noun) not in {canonical(word.stem) for word in behind} | {canonical(other.noun)}


def _wrongly_bound(claim: str, span: str, numbers: list[Quantity], found: list[Quantity]) -> str:
    """A number that the span gives to another thing than the claim does.

    Both texts are cut into clauses. The clause of the span that shares most with the claim's clause must hold an
    equal number, unless it holds none at all.
    """
    if len(found) < 2 or "respectively" in span.lower():
        return ""
    theirs = clauses(span)
    for start, end in clauses(claim):
        inside = [number for number in numbers if start <= number.start < end]
        about = {canonical(w.stem): (3.0 if w.named else 1.0) for w in content_words(claim[start:end])}
        if not inside or not about:
            continue
        shares = [
            sum(about.get(item, 0.0) for item in {canonical(w.stem) for w in content_words(span[a:b])})
            for a, b in theirs
        ]
        best = max(shares, default=0.0)
        if best <= 0:
            continue
        closest = [part for part, share in zip(theirs, shares, strict=True) if share == best]
        rivals = [q for a, b in closest for q in found if a <= q.start < b]
        for number in inside:
            comparable = [q for q in rivals if q.dimension == number.dimension]
            if comparable and not any(agree(number, q) for q in rivals):
                return f"the span gives '{comparable[0].text}' where the sentence says '{number.text}'"
    return ""


def _polarity_reason(claim: str, span: str, turned: str) -> str:
    if word := negation_differs(claim, span):
        return f"negation differs at '{word}'"
    if not turned and (opposite := _opposite(claim, span)):
        return f"the span says '{opposite[1]}' where the sentence says '{opposite[0]}'"
    if word := quantifier_missing(claim, span):
        return f"the span does not say '{word}'"
    if word := doubt_lost(claim, span):
        return f"the span says it with doubt ('{word}')"
    if not turned and (word := direction_missing(claim, span)):
        return f"the span does not say that anything '{word}'"
    if announced_only(claim, span):
        return "the span says what was to be found out, not what was found"
    return ""


def _opposite(claim: str, span: str) -> tuple[str, str] | None:
    """A word of the claim whose contrary stands in the closest clause of the span, where the word itself does not."""
    theirs = [_all_stems(span[a:b]) for a, b in clauses(span)]
    whole = set().union(*theirs, set())
    for start, end in clauses(claim):
        ours = _all_stems(claim[start:end])
        for item, text in _polar(claim[start:end]):
            contrary = opposites_of(item)
            if item not in whole and (hit := contrary & whole - _all_stems(claim)):
                return text, sorted(hit)[0]
            shares = [len((ours - {item}) & part) for part in theirs]
            best = max(shares, default=0)
            closest = [part for part, share in zip(theirs, shares, strict=True) if share == best and best > 0]
            held = set().union(*closest, set())
            if closest and item not in held and (hit := contrary & held - ours):
                return text, sorted(hit)[0]
    return None


def _polar(text: str) -> list[tuple[str, str]]:
    return [(word.stem, word.lower) for word in words(text) if opposites_of(word.stem)]


def _all_stems(text: str) -> set[str]:
    return {word.stem for word in words(text)}


def _abbreviates(word: Word) -> bool:
    """Whether a word may stand for words that begin with its letters (``RRF``: reciprocal rank fusion)."""
    return word.text.isupper() and word.text.isalpha() and 2 <= len(word.text) <= 6


def _initials(span: str) -> str:
    return "".join(match.group(1) for match in re.finditer(r"\b([A-Za-z])[a-z]+", span)).lower()


def same_text(claim: str, span: str) -> bool:
    """Whether two texts are the same but for white space, case, closing marks and bracketed source numbers."""
    return _plain(claim) == _plain(span)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\s*\[\d+(?:\s*[,\u2013-]\s*\d+)*\]", "", text)).strip(" .;:!|").casefold()
