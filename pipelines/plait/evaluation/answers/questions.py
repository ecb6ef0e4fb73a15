"""Questions with gold documents and gold answers: from a file of their own, or from the queries of a collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from plait.contracts.errors import ReadError
from plait.evaluation.retrieval.collections import Collection, CollectionQuery, json_lines

__all__ = ["DECISIONS", "KINDS", "Kind", "Question", "collection_questions", "load_questions"]

Kind = Literal["single", "two_notes", "table", "unanswerable", "query"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DECISIONS = ("yes", "no", "maybe")
"""Answers of questions that ask for a decision (Jin et al. 2019, *PubMedQA*)."""
_OF_FILES = KINDS[:-1]
_ANSWERS = ("long_answer", "answer")
_DECISION = ("final_decision", "decision", "answer")


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the documents that answer it (none if the corpus cannot) and a short gold answer.

    Args:
        id: its name.
        text: what is asked.
        documents: ids of the documents that answer it.
        answer: the gold answer in words; empty where none is known.
        kind: what it takes to answer it; ``query`` is one of a collection.
        decision: ``yes``, ``no`` or ``maybe``, where one of these is the gold answer.
        also: further gold answers; an answer is held against the one that it agrees with best.
    """

    id: str
    text: str
    documents: tuple[str, ...]
    answer: str
    kind: Kind
    decision: str | None = None
    also: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool | None:
        """Whether the corpus answers it; None where nobody has said (a query without relevant documents)."""
        if self.kind == "query" and not self.documents:
            return None
        return self.kind != "unanswerable"

    @property
    def golds(self) -> tuple[str, ...]:
        """All gold answers in words."""
        return tuple(gold for gold in (self.answer, *self.also) if gold.strip())


def load_questions(path: str | Path) -> list[Question]:
    """Reads questions, one JSON object a line: ``_id``, ``text``, ``documents``, ``answer``, ``kind``.

    An answer that is ``yes``, ``no`` or ``maybe`` is also the question's decision.

    Raises:
        ReadError: the file cannot be read or is empty, or a line breaks a rule; file and line are named.
    """
    questions: dict[str, Question] = {}
    for where, record in json_lines(path):
        question = _question(record, where)
        if question.id in questions:
            raise ReadError(f"the id {question.id!r} is here twice", where=where)
        questions[question.id] = question
    if not questions:
        raise ReadError("this file holds no question", where=str(path))
    return list(questions.values())


def collection_questions(collection: Collection) -> list[Question]:
    """The judged queries of a collection as questions, in their order.

    Relevant documents are the gold documents. Gold answers come from a query's metadata: ``long_answer``, or ``answer``
    (the letter of one of ``options``, or the text), with further ones in ``answers``; the decision from
    ``final_decision``, ``decision`` or ``answer``, where it is yes, no or maybe. ``"answerable": false`` says that the
    corpus does not answer it.
    """
    return [_of_query(query, collection) for query in collection.queries.values()]


def _of_query(query: CollectionQuery, collection: Collection) -> Question:
    known = query.metadata
    documents = tuple(name for name, grade in collection.qrels[query.id].items() if grade > 0)
    answers = [text for key in _ANSWERS if (text := _answer(known, key))]
    more = known.get("answers")
    answers += [text for text in more if isinstance(text, str)] if isinstance(more, list) else []
    decision = next((found for key in _DECISION if (found := _decision(known.get(key)))), None)
    unanswerable = known.get("answerable") is False
    return Question(
        query.id,
        query.text,
        () if unanswerable else documents,
        answers[0] if answers else "",
        "unanswerable" if unanswerable else "query",
        decision,
        tuple(answers[1:]),
    )


def _answer(known: Mapping[str, Any], key: str) -> str:
    """A gold answer in words; a decision alone is none, and a letter stands for an option."""
    text, options = known.get(key), known.get("options")
    if not isinstance(text, str) or _decision(text):
        return ""
    if isinstance(options, list) and len(letter := text.strip()) == 1:
        place = ord(letter.upper()) - ord("A")
        return str(options[place]) if 0 <= place < len(options) else ""
    return text


def _decision(value: Any) -> str | None:
    plain = value.strip().strip(".").casefold() if isinstance(value, str) else None
    return plain if plain in DECISIONS else None


def _question(record: Mapping[str, Any], where: str) -> Question:
    """One line, checked."""
    for key in ("_id", "text", "answer"):
        if not isinstance(record.get(key), str) or (key != "answer" and not record[key].strip()):
            raise ReadError(f"{key!r} is missing or no text", where=where)
    documents, kind = record.get("documents"), record.get("kind")
    if not isinstance(documents, list) or not all(isinstance(document, str) for document in documents):
        raise ReadError("'documents' must be a list of document ids", where=where)
    if kind not in _OF_FILES:
        raise ReadError(f"there is no kind {kind!r}", where=where, choices=_OF_FILES)
    if bool(documents) == (kind == "unanswerable"):
        raise ReadError(f"a question of kind {kind!r} with {len(documents)} documents", where=where)
    answer = record["answer"]
    return Question(record["_id"], record["text"], tuple(dict.fromkeys(documents)), answer, kind, _decision(answer))
