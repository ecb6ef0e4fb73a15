"""Asks a pipeline every question once, for its decision too where one is gold, and judges what came of each.

A backend that takes ``choices`` is asked for exactly one of yes, no and maybe, with the evidence of its answer in
front. That measures the reader: no gate stands before it. A backend that takes none is judged by its answer: the first
word of it is the decision if it is one of the three, else there is none, which counts as wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

from plait.contracts import Answer, BatchGenerator, GenerationRequest, Hit, IndexView, Query
from plait.contracts.errors import GenerationError, QueryError
from plait.evaluation.answers.quality import (
    Agreement,
    CitationCheck,
    CitationQuality,
    agreement,
    check_citations,
    citation_quality,
    given_hits,
)
from plait.evaluation.answers.questions import DECISIONS, Question
from plait.evaluation.retrieval.runs import documents_of
from plait.prompts import pack
from plait.rag.answering import Prepared, generate_many
from plait.rag.structure import read_structure, ties_of
from plait.text.passages import as_evidence

if TYPE_CHECKING:
    from plait.index import View
    from plait.rag import Rag
    from plait.rag.ingest import Progress
    from plait.rag.parts import Parts

__all__ = ["Asked", "AskedAll", "Decider", "Decision", "EvidenceSource", "ask_questions", "majority", "stated"]

_FIRST = re.compile(r"\W*(\w+)")

EvidenceSource = Literal["retrieved", "given"]
"""``retrieved``: what the pipeline finds. ``given``: the gold documents, so that reading is measured apart."""

BATCH = 16
"""Most answers that are written together."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, None for nothing, and whether by the backend's own choice or by the text of the answer."""

    value: str | None
    by: Literal["choices", "text"]


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
    progress: Progress | None = None,
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


class Decider:
    """Asks for decisions, and remembers whether the backend can be asked.

    Only the first failure is taken for "cannot": a backend that has chosen before and then fails has failed.

    Attributes:
        refused: why the backend was not asked any more; empty where it could be.
    """

    def __init__(self) -> None:
        self.refused = ""
        self._chose = False

    def decide(self, parts: Parts, query: Query, hits: Sequence[Hit], view: IndexView, answer: Answer) -> Decision:
        """The decision on one question.

        Args:
            parts: the pipeline's components; the generator is asked for one of the three words.
            query: the question.
            hits: its evidence.
            view: the snapshot that the hits are of.
            answer: what the pipeline answered; read where the backend takes no choices.

        Raises:
            GenerationError: the backend failed after it had chosen before, or chose none of the words.
        """
        if not self.refused:
            try:
                chosen = self._choose(parts, query, hits, view)
            except GenerationError as error:
                if self._chose:
                    raise
                self.refused = error.message
            else:
                self._chose = True
                return Decision(chosen, "choices")
        return Decision(None if answer.declined else stated(answer.text), "text")

    @staticmethod
    def _choose(parts: Parts, query: Query, hits: Sequence[Hit], view: IndexView) -> str:
        template = resources.files("plait.evaluation.answers") / "templates" / "decision.txt"
        with resources.as_file(template) as place:
            settings = parts.pipeline.answer.model_copy(update={"template": str(place)})
            evidence = as_evidence(hits[: settings.passages], view, parts.host.hook.steering)
            packed = pack(query, evidence, parts.generator, settings, ties_of(parts, view))
        structure = read_structure(parts, packed.evidence, view)
        request = GenerationRequest(
            query,
            packed.evidence,
            packed.messages,
            settings.max_tokens,
            soft_tokens=structure.soft_tokens,
            structure=structure.weights,
            choices=DECISIONS,
        )
        chosen = "".join(chunk.text for chunk in parts.generator.stream(request)).strip()
        if chosen not in DECISIONS:
            raise GenerationError(
                f"the generator {parts.pipeline.generator.name!r} was asked for one of given choices and answered "
                f"{chosen[:60]!r}",
                choices=DECISIONS,
            )
        return chosen


def stated(text: str) -> str | None:
    """The decision that a written answer begins with, or None.

    Example:
        >>> stated("**Yes**, it does."), stated("No difference was found."), stated("It may.")
        ('yes', 'no', None)
    """
    match = _FIRST.match(text.casefold())
    return match[1] if match and match[1] in DECISIONS else None


def majority(gold: Sequence[str]) -> str:
    """The most frequent decision; the first in the order yes, no, maybe where several are.

    Example:
        >>> majority(["no", "yes", "no"])
        'no'
    """
    counted = Counter(gold)
    return max(DECISIONS, key=lambda decision: counted[decision])
