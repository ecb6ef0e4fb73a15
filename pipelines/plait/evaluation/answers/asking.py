"""Asks a pipeline every question once, and judges what came of each."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from plait.contracts import Answer, Generator, Hit, Query
from plait.contracts.errors import QueryError
from plait.evaluation.answers.agreement import Agreement, CitationCheck, agreement, check_citations
from plait.evaluation.answers.citation_quality import CitationQuality, citation_quality
from plait.evaluation.answers.decisions import Decider, Decision
from plait.evaluation.answers.evidence import given_hits
from plait.evaluation.answers.questions import Question
from plait.evaluation.answers.together import in_batches
from plait.evaluation.retrieval.runs import documents_of
from plait.rag.answering import answer_from
from plait.rag.tracing import Tracer

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

    def ask(question: Question, generator: Generator) -> Asked:
        parts = _with_generator(rag.parts, generator)
        try:
            query = Query(question.text)
            found, query, hits = _found(rag, view, question, query, evidence, k, depth)
        except QueryError as error:
            refused.append((question.id, str(error)))
            return _judged(question, (), Answer(question.text, "", (), (), True, "declined"), None, view)
        answer = rag.host.hook.after_generate(answer_from(parts, query, hits, view, Tracer()))
        decision = decider.decide(parts, query, hits, view, answer) if question.decision else None
        return _judged(question, found, answer, decision, view)

    def told(done: int) -> None:
        if progress is not None:
            progress("questions", done, len(questions))

    told(0)
    asked = in_batches(ask, questions, rag.parts.generator, batch, told)
    return AskedAll(tuple(asked), k, decider.refused, tuple(refused))


def _found(
    rag: Rag, view: View, question: Question, query: Query, evidence: EvidenceSource, k: int, depth: int
) -> tuple[tuple[str, ...] | None, Query, Sequence[Hit]]:
    """The k best documents, and query and hits to answer from."""
    if evidence == "given":
        return None, query, given_hits(question.documents, view)
    ranking = documents_of(rag.retrieve(query, depth))
    retrieval = rag.retrieve_all(query, max(rag.pipeline.answer.passages, 10))  # as deep as Rag.ask looks
    return tuple(name for name, _ in ranking[:k]), retrieval.query, retrieval.fused


def _judged(
    question: Question, found: tuple[str, ...] | None, answer: Answer, decision: Decision | None, view: View
) -> Asked:
    given = "" if answer.declined else answer.text
    golds = question.golds if question.answerable is not False else ()
    return Asked(
        question,
        found,
        answer,
        check_citations(answer, view),
        max((agreement(given, gold) for gold in golds), key=lambda found: found.f1, default=None),
        citation_quality(answer, view, question.documents),
        decision,
    )


def _with_generator(parts: Parts, generator: Generator) -> Parts:
    """The same parts with another generator; all else that is built, or will be, is shared."""
    other = copy.copy(parts)
    other.__dict__["generator"] = generator  # where the cached property keeps it
    return other
