"""Do the citations of an answer hold: are cited sentences supported by what they cite, are supported ones cited?

Gao et al. 2023, *Enabling large language models to generate text with citations* (ALCE), measure the same two shares
with an entailment model. Here the judges are the pipeline's own verifiers, which also chose the citations of its
answers: for these, precision says that the delivered citations hold when they are opened again on their own, and not
that someone else agrees. ``held`` is counted without that judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from plait.contracts import Answer, Citation, Evidence, IndexView, Passage, Sentence, Verifier
from plait.evaluation.answers.agreement import check_citations, tokens
from plait.evaluation.answers.evidence import as_evidence
from plait.prompts import Rule, checked_sentences
from plait.text.passages import Steering

__all__ = ["CitationQuality", "citation_quality"]


@dataclass(frozen=True, slots=True)
class CitationQuality:
    """Counts of one answer.

    Args:
        sentences: sentences written.
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
    for sentence in answer.sentences:
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
        sentences=len(answer.sentences),
        cited=counted["cited"],
        cited_supported=counted["cited_supported"],
        supported=counted["supported"],
        supported_cited=counted["supported_cited"],
        citations=len(citations),
        relevant=sum(item.span.document_id in gold for item in citations) if gold else None,
        held=(counted["held"], counted["tokens"]),
    )


def _cited(citations: Collection[Citation], view: IndexView) -> Iterator[Evidence]:
    """The cited spans, and nothing around them, as evidence."""
    for number, citation in enumerate(citations, start=1):
        span = citation.span
        text = view.document(span.document_id).text[span.start : span.end]
        passage = Passage(citation.passage_id, span.document_id, 0, span.start, span.end, text)
        yield Evidence(number, passage, citation.title, citation.score)
