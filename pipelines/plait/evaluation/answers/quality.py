"""How good one answer is: does it agree with a gold answer, and do its citations hold?

Agreement is token F1 and exact match (Rajpurkar et al. 2016, *SQuAD: 100,000+ questions for machine comprehension of
text*). Of citations Gao et al. 2023, *Enabling large language models to generate text with citations* (ALCE), ask
whether cited sentences are supported by what they cite, and whether supported ones are cited, by an entailment model.
Here the judges are the pipeline's own verifiers, which also chose the citations of its answers: for these, precision
says that the delivered citations hold when they are opened again on their own, and not that someone else agrees.
``held`` is counted without that judge.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from plait.contracts import Answer, Citation, Evidence, Hit, IndexView, Passage, Sentence, Verifier
from plait.prompts import Rule, checked_sentences
from plait.text.passages import Steering, as_evidence

__all__ = [
    "Agreement",
    "CitationCheck",
    "CitationQuality",
    "agreement",
    "check_citations",
    "citation_quality",
    "given_hits",
    "tokens",
]

_ARTICLES = frozenset({"a", "an", "the"})
# A sign (hyphen or minus), thousands commas, decimals; not part of a word such as "32k" or a range such as 2020-24.
_NUMBER = r"(?<![\w.])[-\u2212]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?!\w)"
_TOKEN = re.compile(rf"({_NUMBER})|\w+")


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
class CitationQuality:
    """Counts of one answer.

    Args:
        sentences: sentences written; one that no verifier looked at is not counted, here nor below.
        cited: those with at least one citation.
        cited_supported: those whose cited spans, re-opened, support them; one that does not re-open adds nothing.
        supported: sentences that their citations or any passage found for the question support.
        supported_cited: those of them that cite something.
        citations: citations in all.
        relevant: citations of a gold document; None where no gold document is known.
        held: tokens of cited sentences that stand in the spans they cite, and all their tokens.
    """

    sentences: int
    cited: int
    cited_supported: int
    supported: int
    supported_cited: int
    citations: int
    relevant: int | None
    held: tuple[int, int]


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


def check_citations(answer: Answer, view: IndexView) -> CitationCheck:
    """Re-opens every citation of every sentence and compares its quote with what stands there.

    Args:
        answer: the answer.
        view: the snapshot it was made from.
    """
    citations = [citation for sentence in answer.sentences for citation in sentence.citations]
    broken = [(citation, why) for citation in citations if (why := _fault(citation, view))]
    return CitationCheck(len(citations), tuple(broken))


def citation_quality(
    answer: Answer,
    view: IndexView,
    verifiers: Sequence[Verifier],
    gold: Collection[str] = (),
    *,
    rule: Rule = "all",
    steering: Steering | None = None,
) -> CitationQuality:
    """Judges each sentence again, once against its citations alone and once against all that was found.

    Args:
        answer: the answer.
        view: the snapshot it was made from.
        verifiers: the judges.
        gold: ids of the documents that answer the question; empty where they are not known.
        rule: how their verdicts are joined.
        steering: says what in a passage gives orders, so that it supports nothing.
    """
    broken = {id(citation) for citation, _ in check_citations(answer, view).broken}
    found = as_evidence(answer.hits, view, steering)

    def supports(sentence: Sentence, evidence: list[Evidence]) -> bool:
        """Whether every sentence of the text finds support; the splitter may see more than one in it."""
        judged = checked_sentences(sentence.text, evidence, view, verifiers, rule) if evidence else ()
        return bool(judged) and all(part.supported for part in judged)

    counted: Counter[str] = Counter()
    checked = [sentence for sentence in answer.sentences if sentence.verdict != "unchecked"]
    for sentence in checked:
        whole = [citation for citation in sentence.citations if id(citation) not in broken]
        holds = supports(sentence, list(_cited(whole, view)))
        supported = holds or supports(sentence, found)
        counted["supported"] += supported
        if not sentence.citations:
            continue
        counted["cited"] += 1
        counted["cited_supported"] += holds
        counted["supported_cited"] += supported
        written = Counter(tokens(sentence.text))
        counted["held"] += sum((written & Counter(tokens(" ".join(item.quote for item in whole)))).values())
        counted["tokens"] += sum(written.values())
    citations = [citation for sentence in answer.sentences for citation in sentence.citations]
    return CitationQuality(
        sentences=len(checked),
        cited=counted["cited"],
        cited_supported=counted["cited_supported"],
        supported=counted["supported"],
        supported_cited=counted["supported_cited"],
        citations=len(citations),
        relevant=sum(item.span.document_id in gold for item in citations) if gold else None,
        held=(counted["held"], counted["tokens"]),
    )


def given_hits(documents: Collection[str], view: IndexView) -> list[Hit]:
    """All passages of some documents as hits of score 1, in reading order; ids that are not in the index have none."""
    wanted = np.array([name in documents for name in view.document_ids], dtype=bool)
    rows = np.flatnonzero(wanted[np.asarray(view.document_numbers)]) if len(view) else np.zeros(0, dtype=np.int64)
    return view.hits(rows, np.ones(len(rows)))


def _number(text: str) -> str:
    """A number in one way of writing it."""
    plain = text.replace(",", "").replace("\u2212", "-")
    return re.sub(r"^(-?)\.", r"\g<1>0.", plain)


def _fault(citation: Citation, view: IndexView) -> str:
    """What is wrong with a citation; empty when nothing is."""
    span = citation.span
    try:
        text = view.document(span.document_id).text
    except KeyError:
        return f"there is no document {span.document_id!r}"
    if not 0 <= span.start < span.end <= len(text):
        return f"characters {span.start} to {span.end} are outside the document's {len(text)}"
    if text[span.start : span.end] != citation.quote:
        return f"characters {span.start} to {span.end} read {text[span.start : span.end][:60]!r}"
    return ""


def _cited(citations: Collection[Citation], view: IndexView) -> Iterator[Evidence]:
    """The cited spans, and nothing around them, as evidence."""
    for number, citation in enumerate(citations, start=1):
        span = citation.span
        text = view.document(span.document_id).text[span.start : span.end]
        passage = Passage(citation.passage_id, span.document_id, 0, span.start, span.end, text)
        yield Evidence(number, passage, citation.title, citation.score)
