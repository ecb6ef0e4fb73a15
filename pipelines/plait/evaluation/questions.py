"""Questions with gold notes and gold answers, asked of a pipeline from end to end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from plait.contracts import Answer, Hit
from plait.contracts.errors import ReadError
from plait.evaluation.answers import Agreement, CitationCheck, Documents, Refusals, agreement, check_citations, refusals
from plait.evaluation.runs import documents_of

__all__ = ["Asked", "Kind", "Question", "QuestionsReport", "ask_questions", "load_questions"]

Kind = Literal["single", "two_notes", "table", "unanswerable"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the documents that answer it (none if the corpus cannot) and a short gold answer."""

    id: str
    text: str
    documents: tuple[str, ...]
    answer: str
    kind: Kind

    @property
    def answerable(self) -> bool:
        """Whether the corpus answers it."""
        return self.kind != "unanswerable"


class Answering(Protocol):
    """What answers; :class:`plait.rag.Rag` is one."""

    @property
    def view(self) -> Documents:
        """The snapshot that answers are made from."""
        ...

    def retrieve(self, query: str, k: int) -> Sequence[Hit]:
        """The k best passages."""
        ...

    def ask(self, question: str) -> Answer:
        """An answer, or a refusal."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and what came of it. ``found`` are the best documents; measures are None where none applies."""

    question: Question
    found: tuple[str, ...]
    answer: Answer
    citations: CitationCheck
    agreement: Agreement | None

    @property
    def recall(self) -> float | None:
        """Share of the gold documents among those found; None when there are no gold documents."""
        gold = self.question.documents
        return len(set(gold) & set(self.found)) / len(gold) if gold else None


@dataclass(frozen=True, slots=True)
class QuestionsReport:
    """All questions asked. Subsets by kind are reports too.

    Args:
        asked: the questions in order.
        k: how many documents ``recall`` looks at.
    """

    asked: tuple[Asked, ...]
    k: int

    @property
    def recall(self) -> float | None:
        """Mean recall@k of gold documents over the questions that have some."""
        return _mean([one.recall for one in self.asked if one.recall is not None])

    @property
    def citations(self) -> CitationCheck:
        """All citations of all answers together."""
        broken = tuple(fault for one in self.asked for fault in one.citations.broken)
        return CitationCheck(sum(one.citations.total for one in self.asked), broken)

    @property
    def refusals(self) -> Refusals:
        """Declined answers, where they should and should not be."""
        return refusals((one.question.answerable, one.answer.declined) for one in self.asked)

    @property
    def supported(self) -> float | None:
        """Share of the sentences written that something in the corpus supports."""
        return _mean([float(sentence.supported) for one in self.asked for sentence in one.answer.sentences])

    @property
    def f1(self) -> float | None:
        """Mean token F1 with the gold answer over answerable questions; a declined one counts 0."""
        return _mean([one.agreement.f1 for one in self.asked if one.agreement])

    @property
    def gold_recall(self) -> float | None:
        """Mean share of gold tokens that stand in the answer; a declined one counts 0."""
        return _mean([one.agreement.recall for one in self.asked if one.agreement])

    @property
    def contains(self) -> float | None:
        """Share of answerable questions whose answer holds the whole gold answer word by word."""
        return _mean([float(one.agreement.contains) for one in self.asked if one.agreement])

    @property
    def cited_gold(self) -> float | None:
        """Share of answered answerable questions that cite at least one gold document."""
        answered = [one for one in self.asked if one.question.answerable and not one.answer.declined]
        return _mean(
            [
                float(any(citation.span.document_id in one.question.documents for citation in one.answer.citations))
                for one in answered
            ]
        )

    def of_kind(self, kind: Kind) -> QuestionsReport:
        """The questions of one kind."""
        return QuestionsReport(tuple(one for one in self.asked if one.question.kind == kind), self.k)

    def kinds(self) -> list[Kind]:
        """The kinds that occur, in a fixed order."""
        present = Counter(one.question.kind for one in self.asked)
        return [kind for kind in KINDS if present[kind]]

    def summary(self) -> dict[str, Any]:
        """The figures as JSON values."""
        counts, cited = self.refusals, self.citations
        return {
            "questions": len(self.asked),
            f"recall@{self.k}": self.recall,
            "citations": cited.total,
            "citations_reopened": cited.reopened,
            "answerable": counts.answerable,
            "answerable_declined": counts.answerable_declined,
            "unanswerable": counts.unanswerable,
            "unanswerable_declined": counts.unanswerable_declined,
            "supported_sentences": self.supported,
            "cited_gold": self.cited_gold,
            "f1": self.f1,
            "gold_tokens": self.gold_recall,
            "contains_gold": self.contains,
        }


def load_questions(path: str | Path) -> list[Question]:
    """Reads questions, one JSON object a line: ``_id``, ``text``, ``documents``, ``answer``, ``kind``.

    Raises:
        ReadError: the file cannot be read or is empty, or a line breaks a rule; file and line are named.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ReadError(f"this file is not UTF-8 ({error})", where=str(path), fix="convert it to UTF-8") from error
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})", where=str(path)) from error
    questions: dict[str, Question] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        question = _question(line, f"{path}:{number}")
        if question.id in questions:
            raise ReadError(f"the id {question.id!r} is here twice", where=f"{path}:{number}")
        questions[question.id] = question
    if not questions:
        raise ReadError("this file holds no question", where=str(path))
    return list(questions.values())


def ask_questions(
    rag: Answering,
    questions: Sequence[Question],
    *,
    k: int = 5,
    depth: int = 50,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> QuestionsReport:
    """Retrieves for and asks every question once.

    Args:
        rag: what answers.
        questions: the questions.
        k: how many documents count for recall.
        depth: how many passages are asked for, so that k documents come out of them.
        progress: called with (what, questions done, questions in all).
    """
    asked = []
    for done, question in enumerate(questions):
        if progress is not None:
            progress("questions", done, len(questions))
        ranking = documents_of(rag.retrieve(question.text, depth))
        answer = rag.ask(question.text)
        given = "" if answer.declined else answer.text
        asked.append(
            Asked(
                question,
                tuple(document for document, _ in ranking[:k]),
                answer,
                check_citations(answer, rag.view),
                agreement(given, question.answer) if question.answerable else None,
            )
        )
    return QuestionsReport(tuple(asked), k)


def _question(line: str, where: str) -> Question:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"this line is not JSON ({error})", where=where) from error
    if not isinstance(record, dict):
        raise ReadError("this line is not a JSON object", where=where)
    for key in ("_id", "text", "answer"):
        if not isinstance(record.get(key), str) or (key != "answer" and not record[key].strip()):
            raise ReadError(f"{key!r} is missing or no text", where=where)
    documents, kind = record.get("documents"), record.get("kind")
    if not isinstance(documents, list) or not all(isinstance(document, str) for document in documents):
        raise ReadError("'documents' must be a list of document ids", where=where)
    if kind not in KINDS:
        raise ReadError(f"there is no kind {kind!r}", where=where, choices=KINDS)
    if bool(documents) == (kind == "unanswerable"):
        raise ReadError(f"a question of kind {kind!r} with {len(documents)} documents", where=where)
    return Question(record["_id"], record["text"], tuple(dict.fromkeys(documents)), record["answer"], kind)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
