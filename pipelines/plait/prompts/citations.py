"""Ties each sentence of an answer to spans that were re-opened and checked.

Nothing here depends on the model writing ``[1]``: such marks are removed and only decide between spans that support
a sentence equally well. A sentence that nothing supports keeps no citation and says why. Instructions to the reader
(:mod:`plait.text.directives`) state nothing and support nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plait.contracts import Citation, Evidence, IndexView, Sentence
from plait.prompts.candidates import Candidate, Unit, units_of, windows
from plait.prompts.rarity import rarity_in
from plait.prompts.support import Verdict, judge, same_text
from plait.text.content import content_words, words
from plait.text.sentences import sentence_spans

__all__ = ["verify"]

_MARK = re.compile(r"\s*(?:\[\^?(\d+(?:\s*[,;\u2013-]\s*\d+)*)\]|【(\d+)[^】]*】)")
_CLAUSES = re.compile(r";\s+|,?\s+(?:while|whereas)\s+", re.IGNORECASE)
_JOINED = re.compile(r",\s+(?:and|but)\s+", re.IGNORECASE)
_POINTING = "it they this these that those he she its their both which such"
_BACK_REFERENCE = frozenset(_POINTING.split())


@dataclass(frozen=True, slots=True)
class _Found:
    candidate: Candidate
    verdict: Verdict


def verify(text: str, evidence: Sequence[Evidence], view: IndexView) -> tuple[Sentence, ...]:
    """Checks an answer sentence by sentence.

    Args:
        text: the answer as the generator wrote it.
        evidence: the passages that were in the prompt; nothing else is searched.
        view: the snapshot they come from; every quote is read from ``view.document(...).text``.

    Returns:
        The sentences in order, without marks. Citations are numbered from 1, one number a document.
    """
    units = units_of(evidence, view)
    weight = rarity_in(view)
    numbers: dict[str, int] = {}
    sentences = []
    for start, end in sentence_spans(text):
        written = text[start:end]
        shown, hints = _without_marks(written, len(evidence))
        if not shown.strip():
            continue
        found, reason = _supporting(shown, units, hints, weight)
        citations = tuple(c for item in found for c in _cite(item, numbers, view))
        sentences.append(Sentence(shown, citations, bool(citations), "" if citations else reason))
    return tuple(sentences)


def _without_marks(text: str, passages: int) -> tuple[str, frozenset[int]]:
    """The sentence without its marks, and the numbers they named. Brackets that name no passage are left alone."""
    hints: set[int] = set()

    def drop(match: re.Match[str]) -> str:
        named = {int(number) for number in re.findall(r"\d+", match.group(1) or match.group(2))}
        if not all(1 <= number <= passages for number in named):
            return match.group()
        hints.update(named)
        return ""

    return _MARK.sub(drop, text).strip(), frozenset(hints)


def _supporting(
    sentence: str, units: Sequence[Unit], hints: frozenset[int], weight: Callable[[str], float]
) -> tuple[list[_Found], str]:
    """The candidates that support a sentence, or none and the reason of the closest."""
    best, reason = _best(sentence, units, hints, weight)
    if best is not None:
        return [best], ""
    for pattern, own_subject in ((_CLAUSES, True), (_JOINED, False)):
        parts = pattern.split(sentence)
        if len(parts) > 1 and all(_stands_alone(part, own_subject or part is parts[0]) for part in parts):
            together = [_best(part, units, hints, weight)[0] for part in parts]
            if all(item is not None for item in together):
                return [item for item in together if item is not None], ""
    return [], reason


def _stands_alone(part: str, own_subject: bool) -> bool:
    """Whether a clause can be checked by itself: it says something, and of a subject that it names itself.

    Behind "and" a clause may go on with the subject before it; there only a name shows that it brings its own.
    """
    content = content_words(part)
    opening = next(words(part), None)
    if len(content) < 3 or opening is None or opening.lower in _BACK_REFERENCE:
        return False
    return own_subject or content[0].named


def _best(
    sentence: str, units: Sequence[Unit], hints: frozenset[int], weight: Callable[[str], float]
) -> tuple[_Found | None, str]:
    stems = frozenset(word.stem for word in content_words(sentence))
    best: _Found | None = None
    closest: _Found | None = None
    for candidate in windows(units, stems):
        if same_text(sentence, candidate.own):
            verdict = Verdict(True, 1.0)
        else:
            verdict = judge(sentence, candidate.text, candidate.context, weight)
        if verdict.supported and candidate.steers:
            # It stands there, but as what a reader is told to say or to do: nobody states it.
            verdict = Verdict(False, verdict.score, "the span is an instruction to the reader, not a statement")
        found = _Found(candidate, verdict)
        if closest is None or verdict.score > closest.verdict.score:
            closest = found
        if verdict.supported and (best is None or _order(found, hints) > _order(best, hints)):
            best = found
    if closest is None:
        return None, "nothing in the evidence shares a content word with it"
    return best, "" if best is not None else closest.verdict.reason


def _order(found: _Found, hints: frozenset[int]) -> tuple[float, bool, int]:
    """Better covered first, then what the model named, then the shorter quote."""
    return round(found.verdict.score, 2), found.candidate.item.number in hints, -found.candidate.size


def _cite(found: _Found, numbers: dict[str, int], view: IndexView) -> list[Citation]:
    item = found.candidate.item
    document = view.document(item.passage.document_id)
    number = numbers.setdefault(document.id, len(numbers) + 1)
    return [
        Citation(
            number, span, item.passage.id, document.title or item.title, document.text[span.start : span.end],
            round(found.verdict.score, 4),
        )
        for span in found.candidate.spans
    ]  # fmt: skip
