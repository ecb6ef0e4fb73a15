"""Exchanged roles: "A outperforms B" is not "B outperforms A", though the words are the same."""

from __future__ import annotations

import re

from plait.prompts.polarity import opposites_of
from plait.prompts.synonyms import canonical
from plait.text.content import Word, content_words, stem, words

__all__ = ["exchanged_roles"]

_VERBS = """
    outperform beat exceed surpass precede follow cause inhibit activate induce promote suppress block replace extend
    improve cite use require contain produce generate convert transform translate teach distil distill supervise train
    call depend derive inherit support contradict refute bind phosphorylate regulate infect encode feed lead predict
    imply win lose defeat kill eat contact dominate include trail underperform resemble differ
"""
_PREPOSITIONS = "before after above below than into onto to from over under versus vs"
_RELATIONS = frozenset(canonical(stem(word)) for word in (_VERBS + _PREPOSITIONS).split())


def exchanged_roles(claim: str, span: str) -> str:
    """A reason when two things stand on exchanged sides of a relation that both texts name; empty otherwise.

    Passive voice exchanges the sides once more, and so does a relation replaced by its contrary
    ("A is faster than B", "B is slower than A").
    """
    ours, theirs = list(words(claim)), list(words(span))
    shared = _arguments(claim) & _arguments(span)
    if len(shared) < 2:
        return ""
    for pivot in ours:
        key = canonical(pivot.stem)
        if key not in _RELATIONS:
            continue
        for other in theirs:
            if canonical(other.stem) != key:
                continue
            left, right = _sides(claim, ours, pivot, shared)
            left_there, right_there = _sides(span, theirs, other, shared)
            crossing = [(a, b) for a in left for b in right if a in right_there and b in left_there and a != b]
            straight = [(a, b) for a in left for b in right if a in left_there and b in right_there and a != b]
            flipped = (_passive(claim, pivot) != _passive(span, other)) != _contrary(claim, span, pivot)
            wrong, right_way = (straight, crossing) if flipped else (crossing, straight)
            if wrong and not right_way:
                a, b = wrong[0]
                return f"'{a}' and '{b}' stand on exchanged sides of '{pivot.lower}'"
    return ""


def _arguments(text: str) -> set[str]:
    return {canonical(word.stem) for word in content_words(text) if canonical(word.stem) not in _RELATIONS}


def _sides(text: str, sentence: list[Word], pivot: Word, shared: set[str]) -> tuple[list[str], list[str]]:
    """Shared arguments left and right of the pivot, within its sentence and its stretch between semicolons."""
    start = max((match.end() for match in re.finditer(r"[;.!?](?=\s)", text[: pivot.start])), default=0)
    after = re.search(r"[;.!?](?=\s|$)", text[pivot.end :])
    end = pivot.end + after.start() if after else len(text)
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


def _contrary(claim: str, span: str, pivot: Word) -> bool:
    """Whether a comparison was turned by its contrary: "faster than" there, "slower than" here."""
    if pivot.lower != "than":
        return False
    ours = {word.stem for word in words(claim)}
    theirs = {word.stem for word in words(span)}
    return any(opposites_of(item) & (theirs - ours) for item in ours - theirs)
