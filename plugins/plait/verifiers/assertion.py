"""Does the span assert it? Exchanged roles, a direction of change that it does not name, a question that it announces.

All three pass any comparison of words: "A outperforms B" has the words of "B outperforms A", and "prior infection
decreases the risk" shares all but one of its words with "To investigate the association between prior infection and the
risk".
"""

from __future__ import annotations

import re
from itertools import combinations, permutations

from plait.text.content import Word, content_words, stem, words
from plait.text.sentences import sentence_spans
from plait.verifiers.polarity import clauses, opposites_of
from plait.verifiers.synonyms import canonical

__all__ = ["announced_only", "direction_missing", "exchanged_roles", "turned_comparison"]

_RELATING = """
    outperform beat exceed surpass precede follow cause inhibit activate induce promote suppress block replace extend
    improve cite use require contain produce generate convert transform translate teach distil distill supervise train
    call depend derive inherit support contradict refute bind phosphorylate regulate infect encode feed lead predict
    imply win lose defeat kill eat contact dominate include trail underperform resemble differ
"""
_PREPOSITIONS = "before after above below than into onto to from over under versus vs"
_RELATIONS = frozenset(canonical(stem(word)) for word in (_RELATING + _PREPOSITIONS).split())

_UP = """
increase raise rise grow elevate enhance boost improve promote stimulate upregulate activate augment accelerate gain
expand amplify strengthen intensify facilitate exacerbate higher greater more larger better up induce double triple
"""
_DOWN = """
decrease reduce lower diminish decline drop fall lessen inhibit suppress impair attenuate weaken downregulate block
prevent shrink slow worsen deteriorate abolish abrogate repress deplete limit restrict hamper minimise minimize
less fewer smaller worse down protect avoid eliminate remove lose loss decreased halve mitigate alleviate curb
"""
_WAYS = tuple(frozenset(stem(word) for word in way.split()) for way in (_UP, _DOWN))
_CHANGE = """
increase raise elevate enhance boost improve promote stimulate upregulate activate augment accelerate exacerbate
decrease reduce lower diminish decline inhibit suppress impair attenuate weaken downregulate prevent worsen
"""
_VERBS = frozenset(map(stem, _CHANGE.split()))
"""Words of change that a claim makes its point with; "more" or "up" may stand there for other reasons."""

_AIM = re.compile(
    r"""\b(?: (?:aim|objective|purpose|goal)s?\b(?=[^.]{0,40}\b(?:to|of|was|is|were)\b) | aim(?:ed|ing)?\ to\b
    | (?:to|we|study|studies|trial|review|paper|and)\ (?:\w+ly\ )?(?:investigat|examin|explor|determin|assess|evaluat
    |test|study|ask)\w*\ (?:whether|if|how|the|their|its)\b )""",
    re.IGNORECASE | re.VERBOSE,
)


def exchanged_roles(claim: str, span: str) -> str:
    """A reason when two things stand on exchanged sides of a relation that both texts name; empty otherwise.

    Passive voice exchanges the sides once more, and so does a comparison that was turned ("A is faster than B",
    "B is slower than A").
    """
    ours, theirs = list(words(claim)), list(words(span))
    shared = _arguments(claim) & _arguments(span)
    if len(shared) < 2:
        return ""
    for pivot in ours:
        key = canonical(pivot.stem)
        if key not in _RELATIONS:
            continue
        left, right = _sides(claim, ours, pivot, shared)
        wrong: list[tuple[str, str]] = []
        right_way = False
        left_there: set[str] = set()
        right_there: set[str] = set()
        for other in (word for word in theirs if canonical(word.stem) == key):
            before, after = _sides(span, theirs, other, shared)
            if (_passive(claim, pivot) != _passive(span, other)) != bool(turned_comparison(claim, span)):
                before, after = after, before
            left_there.update(before)
            right_there.update(after)
            wrong += [(a, b) for a in left for b in right if a in after and b in before]
            right_way = right_way or any(a in before and b in after for a in left for b in right)
        if wrong and not right_way:
            return f"'{wrong[0][0]}' and '{wrong[0][1]}' stand on exchanged sides of '{pivot.lower}'"
        if right and right[0] in left_there - right_there and left and left[-1] in left_there:
            return f"'{right[0]}' stands on the other side of '{pivot.lower}'"
    return _exchanged_between_clauses(claim, span, shared)


def turned_comparison(claim: str, span: str) -> str:
    """Stem of the claim's comparative where the span makes the same comparison from its other end, else empty.

    Example:
        >>> turned_comparison("Rats are heavier than mice.", "Mice are lighter than rats.")
        ''
        >>> turned_comparison("Dense search is faster than reranking.", "Reranking is slower than dense search.")
        'faster'
    """
    ours, theirs = list(words(claim)), list(words(span))
    than = [next((word for word in text if word.lower == "than"), None) for text in (ours, theirs)]
    if than[0] is None or than[1] is None:
        return ""
    there = {word.stem for word in theirs}
    polar = [word.stem for word in ours if opposites_of(word.stem) & there and word.stem not in there]
    if len(polar) != 1:
        return ""
    shared = _arguments(claim) & _arguments(span)
    left, right = _sides(claim, ours, than[0], shared)
    before, after = _sides(span, theirs, than[1], shared)
    crossed = any(a in after for a in left) and any(b in before for b in right)
    straight = any(a in before for a in left) and any(b in after for b in right)
    return polar[0] if crossed and not straight else ""


def direction_missing(claim: str, span: str) -> str:
    """A word of change in the claim, such as "decreases", where no word of the span points the same way.

    Example:
        >>> direction_missing("Infection decreases the risk.", "The risk after infection was studied.")
        'decreases'
        >>> direction_missing("Infection decreases the risk.", "Infection was tied to a lower risk.")
        ''
    """
    there = {word.stem for word in words(_closest(claim, span))}
    for word in words(claim):
        if word.stem in _VERBS and not any(word.stem in way and there & way for way in _WAYS):
            return word.lower
    return ""


def announced_only(claim: str, span: str) -> bool:
    """Whether every sentence of the span says what was to be found out, and the claim says what is so.

    Example:
        >>> announced_only("Tea lowers the risk.", "OBJECTIVE To investigate whether tea lowers the risk.")
        True
        >>> announced_only("The study aimed to find causes.", "The study aimed to find causes of it.")
        False
    """
    if _AIM.search(claim):
        return False
    return all(_AIM.search(span[start:end]) for start, end in sentence_spans(span))


def _exchanged_between_clauses(claim: str, span: str, shared: set[str]) -> str:
    """Two clauses that exchanged what they say: "A is X and B is Y" against "A is Y and B is X"."""
    ours = [_arguments(claim[a:b]) & shared for a, b in clauses(claim)]
    theirs = [_arguments(span[a:b]) & shared for a, b in clauses(span)]
    for one, two in combinations(ours, 2):
        for here, there in permutations(theirs, 2):
            stays, goes = (one - two) & (here - there), (one - two) & (there - here)
            other_stays, other_goes = (two - one) & (there - here), (two - one) & (here - there)
            if stays and goes and other_stays and other_goes:
                return f"'{min(stays)}' goes with '{min(other_goes)}' there, not with '{min(goes)}'"
    return ""


def _arguments(text: str) -> set[str]:
    return {canonical(word.stem) for word in content_words(text) if canonical(word.stem) not in _RELATIONS}


def _sides(text: str, sentence: list[Word], pivot: Word, shared: set[str]) -> tuple[list[str], list[str]]:
    """Shared arguments left and right of the pivot, within its clause; a comparison has its whole sentence."""
    if pivot.lower == "than":
        start = max((match.end() for match in re.finditer(r"[;.!?](?=\s)", text[: pivot.start])), default=0)
        after = re.search(r"[;.!?](?=\s|$)", text[pivot.end :])
        end = pivot.end + after.start() if after else len(text)
    else:
        start, end = next(((a, b) for a, b in clauses(text) if a <= pivot.start < b), (0, len(text)))
    inside = [word for word in sentence if start <= word.start < end and canonical(word.stem) in shared]
    left = [canonical(word.stem) for word in inside if word.start < pivot.start]
    right = [canonical(word.stem) for word in inside if word.start > pivot.start]
    both = set(left) & set(right)
    return [item for item in left if item not in both], [item for item in right if item not in both]


def _passive(text: str, pivot: Word) -> bool:
    """Whether the pivot is a participle followed by "by" ("is outperformed by", "was cited in 2019 by")."""
    return bool(re.match(r"(?:\W+\w+){0,3}?\W+by\b", text[pivot.end :])) and pivot.lower.endswith(
        ("ed", "en", "t", "n")
    )


def _closest(claim: str, span: str) -> str:
    """The sentence of the span that holds most of the claim: a direction in one beside it belongs to something else."""
    asked = {canonical(word.stem) for word in content_words(claim)}
    sentences = [span[start:end] for start, end in sentence_spans(span)] or [span]
    return max(sentences, key=lambda text: len(asked & {canonical(word.stem) for word in content_words(text)}))
