"""Verifier ``words``: a sentence is supported where a span holds its words and nothing turns them around.

Candidates are windows of one to three adjacent sentences of a block, and single table rows with their header. The words
of a window are known before it is read (:class:`plait.text.passages.Statement`), so only windows that hold enough of a
sentence are read for what words cannot tell (:mod:`plait.verifiers.support`), the best first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plait.contracts import Claim, Evidence, IndexView, Span, Support, SupportingSpan
from plait.text.content import content_words, idf_in, stems, words
from plait.text.passages import Statement, statements_of
from plait.verifiers.support import Sought, same_text
from plait.verifiers.synonyms import canonical

__all__ = ["Window", "WordsVerifier", "windows_of"]

MAX_WINDOW = 3
"""Sentences that one citation may span."""
_CLAUSES = re.compile(r";\s+|,?\s+(?:while|whereas)\s+", re.IGNORECASE)
_JOINED = re.compile(r",\s+(?:and|but)\s+", re.IGNORECASE)
_POINTING = "it they this these that those he she its their both which such"
_BACK_REFERENCE = frozenset(_POINTING.split())
_INSTRUCTION = "the span is an instruction to the reader, not a statement"
_NOTHING = "nothing in the evidence shares a content word with it"


@dataclass(frozen=True, slots=True)
class Window:
    """What one citation may point at.

    Args:
        item: the evidence it comes from.
        spans: what is cited; of a table's row the header's span comes first.
        text: what must support the sentence: the quoted text, in front of it a row's header.
        own: the text without a table's header.
        size: statements in it.
        stems: stems of its content words.
        held: those stems, each the first of its synonyms.
        above: the same of title, headings and caption above it.
        steers: whether a part of it is an instruction to the reader: it can be compared with a sentence, but supports
            none.
    """

    item: Evidence
    spans: tuple[Span, ...]
    text: str
    own: str
    size: int
    stems: frozenset[str]
    held: frozenset[str]
    above: frozenset[str]
    steers: bool = False


class WordsVerifier:
    """Compares words, numbers, units, negation, opposites and roles; needs no model and explains each refusal."""

    def verify(self, claims: Sequence[Claim], evidence: Sequence[Evidence], view: IndexView) -> list[Support]:
        """One judgement per claim, see :class:`plait.contracts.Verifier`."""
        windows = windows_of(evidence)
        weight = idf_in(view)
        return [_supported(claim, windows, weight) for claim in claims]


def windows_of(evidence: Sequence[Evidence]) -> list[Window]:
    """Windows of one to three adjacent statements of a block, in order; rows stand alone."""
    statements = statements_of(evidence)
    held = [frozenset(map(canonical, statement.stems)) for _, statement in statements]
    contexts = {statement.context for _, statement in statements}
    above = {context: frozenset(map(canonical, stems(context))) for context in contexts}
    found: list[Window] = []
    for first in range(len(statements)):
        for size in range(1, MAX_WINDOW + 1):
            parts = statements[first : first + size]
            if len(parts) < size or (size > 1 and not _adjacent(*parts[-2:])):
                break
            found.append(_window(parts, held[first : first + size], above[parts[0][1].context]))
            if parts[0][1].kind == "row":
                break
    return found


def _adjacent(before: tuple[Evidence, Statement], last: tuple[Evidence, Statement]) -> bool:
    one, other = before[1], last[1]
    return other.kind != "row" and other.block == one.block and last[0] is before[0] and other.start >= one.end


def _window(
    parts: Sequence[tuple[Evidence, Statement]], held: Sequence[frozenset[str]], above: frozenset[str]
) -> Window:
    item, first = parts[0]
    statements = [statement for _, statement in parts]
    own = " ".join(statement.text for statement in statements)
    spans = [Span(item.passage.document_id, first.start, statements[-1].end)]
    if first.header is not None:
        spans.insert(0, Span(item.passage.document_id, *first.header))
    text = f"{first.header_text} | {own}" if first.header is not None else own
    known = frozenset().union(*(statement.stems for statement in statements))
    steers = any(statement.steers for statement in statements)
    return Window(item, tuple(spans), text, own, len(parts), known, frozenset().union(*held), above, steers)


def _supported(claim: Claim, windows: Sequence[Window], weight: Callable[[str], float]) -> Support:
    """What supports a claim: one window, or one for each of its clauses."""
    whole = _best(claim, windows, weight)
    if whole.verdict == "supported":
        return whole
    for pattern, own_subject in ((_CLAUSES, True), (_JOINED, False)):
        parts = pattern.split(claim.text)
        if len(parts) > 1 and all(_stands_alone(part, own_subject or part is parts[0]) for part in parts):
            each = [_best(Claim(part, claim.named), windows, weight) for part in parts]
            if all(part.verdict == "supported" for part in each):
                spans = tuple(span for part in each for span in part.spans)
                return Support("supported", spans, "", min(part.score for part in each))
    return whole


def _stands_alone(part: str, own_subject: bool) -> bool:
    """Whether a clause can be checked by itself: it says something, and of a subject that it names itself.

    Behind "and" a clause may go on with the subject before it; there only a name shows that it brings its own.
    """
    content = content_words(part)
    opening = next(words(part), None)
    if len(content) < 3 or opening is None or opening.lower in _BACK_REFERENCE:
        return False
    return own_subject or content[0].named


def _best(claim: Claim, windows: Sequence[Window], weight: Callable[[str], float]) -> Support:
    """The best window that supports the claim, or the reason of the closest."""
    sought = Sought(claim.text, weight)
    shared = frozenset(stems(claim.text))
    near = [window for window in windows if shared & window.stems]
    covered = [sought.covered_by(window.held, window.above, window.text) for window in near]
    order = sorted(
        range(len(near)),
        # Better covered first, then what the model named, then the shorter quote.
        key=lambda n: (round(covered[n].score, 2), near[n].item.number in claim.named, -near[n].size),
        reverse=True,
    )
    for n in order:
        window, score = near[n], covered[n].score
        if window.steers:  # it stands there, but as what a reader is told to say or to do: nobody states it
            continue
        same = score > 0.999 and same_text(claim.text, window.own)
        if same or (not covered[n].reason and not sought.vetoed_by(window.text)):
            spans = tuple(SupportingSpan(span, window.item.passage.id, round(score, 4)) for span in window.spans)
            return Support("supported", spans, "", score)
    if not near:
        return Support("unsupported", reason=_NOTHING)
    closest = max(range(len(near)), key=lambda n: covered[n].score)
    reason = covered[closest].reason or sought.vetoed_by(near[closest].text) or _INSTRUCTION
    return Support("unsupported", (), reason, covered[closest].score)
