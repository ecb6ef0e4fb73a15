"""From a written answer to sentences with citations: marks taken off, verifiers asked, spans re-opened and numbered.

Nothing here depends on the model writing ``[1]``: such marks are removed and are only a hint to the verifiers. A
sentence that nothing supports keeps no citation and says why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from plait.contracts import Citation, Claim, Evidence, IndexView, Sentence, Support, Verifier
from plait.contracts.errors import PluginError
from plait.text.sentences import sentence_spans

__all__ = ["Rule", "checked_sentences", "claims_of"]

Rule = Literal["all", "any"]
"""Whether all verifiers or any of them must find a sentence supported."""
_MARK = re.compile(r"\s*(?:\[\^?(\d+(?:\s*[,;\u2013-]\s*\d+)*)\]|【(\d+)[^】]*】)")


def checked_sentences(
    text: str,
    evidence: Sequence[Evidence],
    view: IndexView,
    verifiers: Sequence[Verifier],
    rule: Rule = "all",
) -> tuple[Sentence, ...]:
    """Checks an answer sentence by sentence.

    Args:
        text: the answer as the generator wrote it.
        evidence: the passages that were in the prompt; nothing else is searched.
        view: the snapshot they come from; every quote is read from ``view.document(...).text``.
        verifiers: who judges; one that says ``unchecked`` has no say where another checked.
        rule: how their verdicts are joined.

    Returns:
        The sentences in order, without marks. Citations are numbered from 1, one number a document.

    Raises:
        PluginError: a verifier broke its contract.
    """
    claims = claims_of(text, len(evidence))
    judged = [_judged(verifier, claims, evidence, view) for verifier in verifiers] if claims else []
    numbers: dict[str, int] = {}
    sentences = []
    for place, claim in enumerate(claims):
        support = _joined([each[place] for each in judged], rule)
        sentences.append(
            Sentence(claim.text, _cited(support, evidence, numbers, view), support.verdict, support.reason)
        )
    return tuple(sentences)


def claims_of(text: str, passages: int) -> list[Claim]:
    """The sentences of an answer without citation marks, each with the passages that its marks named.

    Brackets that name none of the ``passages`` are left alone.

    Example:
        >>> [(claim.text, sorted(claim.named)) for claim in claims_of("It rained [2]. See [99].", 3)]
        [('It rained.', [2]), ('See [99].', [])]
    """
    found = []
    for start, end in sentence_spans(text):
        named: set[int] = set()

        def drop(match: re.Match[str], named: set[int] = named) -> str:
            numbers = {int(number) for number in re.findall(r"\d+", match.group(1) or match.group(2))}
            if not all(1 <= number <= passages for number in numbers):
                return match.group()
            named.update(numbers)
            return ""

        shown = _MARK.sub(drop, text[start:end]).strip()
        if shown:
            found.append(Claim(shown, frozenset(named)))
    return found


def _judged(
    verifier: Verifier, claims: Sequence[Claim], evidence: Sequence[Evidence], view: IndexView
) -> Sequence[Support]:
    judged = verifier.verify(claims, evidence, view)
    wrong = None
    if len(judged) != len(claims):
        wrong = f"it gave {len(judged)} judgements for {len(claims)} sentences"
    else:
        ids = {item.passage.id: item.passage for item in evidence}
        for support in judged:
            if (support.verdict == "supported") != bool(support.spans):
                wrong = f"it calls a sentence {support.verdict} with {len(support.spans)} spans"
            for found in support.spans:
                passage = ids.get(found.passage_id)
                if passage is None or found.span.document_id != passage.document_id:
                    wrong = f"it cites {found.passage_id!r}, which was not in the evidence"
                elif not 0 <= found.span.start < found.span.end <= len(view.document(passage.document_id).text):
                    wrong = f"it cites characters that {passage.document_id!r} does not have"
    if wrong is not None:
        raise PluginError(wrong, where=f"verifier {type(verifier).__name__}", fix="see plait.contracts.Verifier")
    return judged


def _joined(judged: Sequence[Support], rule: Rule) -> Support:
    """One judgement from several. Of those that agree the first is shown, so the pipeline's order decides."""
    checked = [support for support in judged if support.verdict != "unchecked"]
    if not checked:
        return judged[0] if judged else Support("unchecked", reason="the pipeline has no verifier")
    supported = [support for support in checked if support.verdict == "supported"]
    refused = [support for support in checked if support.verdict == "unsupported"]
    if rule == "all":
        return refused[0] if refused else supported[0]
    return supported[0] if supported else refused[0]


def _cited(
    support: Support, evidence: Sequence[Evidence], numbers: dict[str, int], view: IndexView
) -> tuple[Citation, ...]:
    titles = {item.passage.document_id: item.title for item in evidence}
    citations = []
    for found in support.spans:
        document = view.document(found.span.document_id)
        number = numbers.setdefault(document.id, len(numbers) + 1)
        quote = document.text[found.span.start : found.span.end]
        title = document.title or titles[document.id]
        citations.append(Citation(number, found.span, found.passage_id, title, quote, found.score))
    return tuple(citations)
