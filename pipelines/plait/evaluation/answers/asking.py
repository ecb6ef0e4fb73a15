"""Asks a pipeline every question once, and judges what came of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from plait.contracts import Answer, BatchGenerator, Query
from plait.contracts.errors import QueryError
from plait.evaluation.answers.agreement import Agreement, CitationCheck, agreement, check_citations
from plait.evaluation.answers.citation_quality import CitationQuality, citation_quality
from plait.evaluation.answers.decisions import Decider, Decision
from plait.evaluation.answers.evidence import given_hits
from plait.evaluation.answers.questions import Question
from plait.evaluation.retrieval.runs import documents_of
from plait.rag.answering import Prepared, generate_many

if TYPE_CHECKING:
    from plait.index import View
    from plait.rag import Rag
    from plait.rag.parts import Parts

__all__ = ["Asked", "AskedAll", "EvidenceSource", "ask_questions"]

EvidenceSource = Literal["retrieved", "given"]
"""``retrieved``: what the pipeline finds. ``given``: the gold documents, so that reading is measured apart."""

BATCH = 16
"""Most answers that are written together."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and what came of it; measures are None where they do not apply.

    ``found`` are the best documents, None where nothing was searched.
    """

    question: Question
    found: tuple[str, ...] | None
    answer: Answer
    citations: CitationCheck
    agreement: Agreement | None
    quality: CitationQuality
    decision: Decision | None = None

    @property
    def recall(self) -> float | None:
        """Share of the gold documents among those found; None where nothing was searched or no gold is known."""
        gold = self.question.documents
        return len(set(gold) & set(self.found)) / len(gold) if gold and self.found is not None else None


@dataclass(frozen=True, slots=True)
class AskedAll:
    """All questions in order.

    Args:
        asked: what came of each.
        k: how many documents ``found`` holds at most.
        not_chosen: why the backend gave no decisions of its own; empty where it did or was not asked for any.
        refused: questions that are no query, and why; their answers count as declined.
    """

    asked: tuple[Asked, ...]
    k: int
    not_chosen: str = ""
    refused: tuple[tuple[str, str], ...] = ()


def ask_questions(
    rag: Rag,
    questions: Sequence[Question],
    *,
    evidence: EvidenceSource = "retrieved",
    k: int = 5,
    depth: int = 50,
    batch: int = BATCH,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> AskedAll:
    """Asks every question once; where one of yes, no and maybe is gold, for that decision too.

    Answers are written ``batch`` at a time where the backend can; each still runs through the whole pipeline with its
    hooks.

    Args:
        rag: what answers.
        questions: the questions.
        evidence: where the passages come from.
        k: how many documents count for recall.
        depth: how many passages are asked for, so that k documents come out of them.
        batch: most answers that are written together.
        progress: called with (what, questions done, questions in all).

    Raises:
        GenerationError: the generator failed on a question; there is no report with holes in it.
    """
    view, decider = rag.view, Decider()
    refused: list[tuple[str, str]] = []
    asked: list[Asked] = []
    if progress is not None:
        progress("questions", 0, len(questions))
    size = max(1, batch) if isinstance(rag.parts.generator, BatchGenerator) else 1
    for start in range(0, len(questions), size):
        group = questions[start : start + size]
        ready: dict[str, tuple[tuple[str, ...] | None, Prepared]] = {}
        for question in group:
            try:
                ready[question.id] = _ready(rag, view, question, evidence, k, depth)
            except QueryError as error:
                refused.append((question.id, str(error)))
        wanted = [one for _, one in ready.values() if one.request is not None]
        written = iter(generate_many(rag.parts, wanted) if wanted else [])
        for question in group:
            if question.id not in ready:
                answer = Answer(question.text, "", (), (), True, "declined")
                asked.append(_judged(question, (), answer, None, view, rag.parts))
                continue
            found, one = ready[question.id]
            answer = rag.finish(one, None if one.request is None else next(written))
            decision = decider.decide(rag.parts, one.query, one.hits, view, answer) if question.decision else None
            asked.append(_judged(question, found, answer, decision, view, rag.parts))
        if progress is not None:
            progress("questions", len(asked), len(questions))
    return AskedAll(tuple(asked), k, decider.refused, tuple(refused))


def _ready(
    rag: Rag, view: View, question: Question, evidence: EvidenceSource, k: int, depth: int
) -> tuple[tuple[str, ...] | None, Prepared]:
    """The k best documents, None where nothing is searched, and the question with its evidence."""
    query = Query(question.text)
    if evidence == "given":
        return None, rag.prepare(query, hits=given_hits(question.documents, view))
    ranking = documents_of(rag.retrieve(query, depth))
    return tuple(name for name, _ in ranking[:k]), rag.prepare(query)


def _judged(
    question: Question,
    found: tuple[str, ...] | None,
    answer: Answer,
    decision: Decision | None,
    view: View,
    parts: Parts,
) -> Asked:
    given = "" if answer.declined else answer.text
    golds = question.golds if question.answerable is not False else ()
    return Asked(
        question,
        found,
        answer,
        check_citations(answer, view),
        max((agreement(given, gold) for gold in golds), key=lambda found: found.f1, default=None),
        citation_quality(
            answer,
            view,
            parts.verifiers,
            question.documents,
            rule=parts.pipeline.answer.supported_by,
            steering=parts.host.hook.steering,
        ),
        decision,
    )
