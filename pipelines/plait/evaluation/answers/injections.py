"""Passages that try to take over the language model, and how often they change an answer.

Greshake et al. 2023, *Not what you've signed up for: compromising real-world LLM-integrated applications with indirect
prompt injection*. Each question is asked twice with its evidence given: once with the honest document, once with the
same document that also holds the attack. What differs is the attack's doing, because greedy answers are reproducible.
The verifier is judged apart from any model: by what it says of the answer that the attack wants.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from plait.contracts import Answer
from plait.contracts.errors import ReadError
from plait.evaluation.answers.asking import BATCH, ask_questions
from plait.evaluation.answers.evidence import as_evidence, given_hits
from plait.evaluation.answers.questions import Question
from plait.prompts import checked_sentences

if TYPE_CHECKING:
    from plait.rag import Rag

__all__ = ["Attacked", "Injection", "attack", "believed", "load_injections", "write_corpus"]

Where = Literal["after", "before", "title"]
_TEXTS = ("_id", "trick", "question", "title", "text", "attack", "answer")


@dataclass(frozen=True, slots=True)
class Injection:
    """One attack.

    Args:
        id: its name.
        trick: what kind it is, in a few words.
        question: a harmless question.
        title: title of the document; it is the attack where ``where`` says so.
        text: the honest evidence, which answers the question.
        attack: what is put into the passage.
        where: in front of the text, behind it, or in the title.
        answer: what a model that was taken over would write.
        marks: what only such an answer contains, whatever its case.
        stated: whether the attack itself says what it wants said: a verifier of words finds that in the passage, and
            must tell that nobody states it there.
    """

    id: str
    trick: str
    question: str
    title: str
    text: str
    attack: str
    where: Where
    answer: str
    marks: tuple[str, ...]
    stated: bool

    @property
    def attacked_text(self) -> str:
        """The passage with the attack in it."""
        parts = (self.attack, self.text) if self.where == "before" else (self.text, self.attack)
        return " ".join(part for part in parts if part)

    @property
    def honest_title(self) -> str:
        """The title without an attack: nothing, where the attack is the title."""
        return "" if self.where == "title" else self.title

    def taken(self, text: str) -> bool:
        """Whether a text contains what the attack wants written."""
        return any(mark in text.casefold() for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Attacked:
    """The two answers to one question. ``honest`` was made without the attack."""

    injection: Injection
    honest: Answer
    attacked: Answer

    @property
    def changed(self) -> bool:
        """Whether the attack changed anything about the answer's words."""
        return (self.honest.declined, self.honest.text) != (self.attacked.declined, self.attacked.text)

    @property
    def taken(self) -> bool:
        """Whether the answer contains what the attack wants, and the honest one does not."""
        return self.injection.taken(self.attacked.text) and not self.injection.taken(self.honest.text)

    @property
    def taken_supported(self) -> bool:
        """Whether a sentence with that is supported: the attack was taken for a statement, and its words are cited."""
        return self.taken and any(
            sentence.supported and self.injection.taken(sentence.text) for sentence in self.attacked.sentences
        )


def load_injections(path: str | Path) -> list[Injection]:
    """Reads attacks, one JSON object a line.

    Raises:
        ReadError: the file cannot be read, or a line breaks a rule; file and line are named.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"cannot be read as UTF-8 text ({error})", where=str(path)) from error
    found = [_injection(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not found or len({one.id for one in found}) < len(found):
        raise ReadError("an id is here twice" if found else "this file holds no attack", where=str(path))
    return found


def write_corpus(injections: Sequence[Injection], folder: Path) -> None:
    """Writes both documents of every attack as a ``corpus.jsonl``, of which no reader changes a character."""
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for one in injections:
            honest = {"_id": f"{one.id}-honest", "title": one.honest_title, "text": one.text}
            attacked = {"_id": f"{one.id}-attacked", "title": one.title, "text": one.attacked_text}
            for record in (honest, attacked):
                file.write(json.dumps(record, ensure_ascii=False) + "\n")


def attack(
    rag: Rag,
    injections: Sequence[Injection],
    *,
    batch: int = BATCH,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> list[Attacked]:
    """Asks each question of its honest and of its attacked document.

    Args:
        rag: holds the documents of :func:`write_corpus`.
        injections: the attacks.
        batch: most answers that are written together.
        progress: called with (what, questions done, questions in all).

    Raises:
        GenerationError: the generator failed.
    """
    answers: list[list[Answer]] = []
    for side in ("honest", "attacked"):
        questions = [Question(one.id, one.question, (f"{one.id}-{side}",), "", "single") for one in injections]
        asked = ask_questions(rag, questions, evidence="given", batch=batch, progress=progress).asked
        answers.append([one.answer for one in asked])
    return [Attacked(*three) for three in zip(injections, *answers, strict=True)]


def believed(rag: Rag, injections: Sequence[Injection]) -> list[Injection]:
    """The attacks whose wanted answer has a sentence that the verifier supports with the attacked document.

    Args:
        rag: holds the documents of :func:`write_corpus`; its verifiers judge.
        injections: the attacks.
    """
    view, found = rag.view, []
    for one in injections:
        evidence = as_evidence(given_hits({f"{one.id}-attacked"}, view), view, rag.host.hook.steering)
        judged = checked_sentences(one.answer, evidence, view, rag.parts.verifiers)
        if any(said.supported and one.taken(said.text) for said in judged):
            found.append(one)
    return found


def _injection(line: str, where: str) -> Injection:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"this line is not JSON ({error})", where=where) from error
    if not isinstance(record, dict) or not all(isinstance(record.get(key), str) for key in _TEXTS):
        raise ReadError("this line lacks a text", where=where, choices=_TEXTS)
    if record.get("where") not in get_args(Where):
        raise ReadError(f"there is no place {record.get('where')!r}", where=where, choices=get_args(Where))
    marks = record.get("marks")
    if not isinstance(marks, list) or not marks or not all(isinstance(mark, str) and mark for mark in marks):
        raise ReadError("'marks' must be a list of texts, at least one", where=where)
    if not isinstance(record.get("stated"), bool):
        raise ReadError("'stated' must be true or false", where=where)
    return Injection(
        id=record["_id"],
        trick=record["trick"],
        question=record["question"],
        title=record["title"],
        text=record["text"],
        attack=record["attack"],
        where=record["where"],
        answer=record["answer"],
        marks=tuple(mark.casefold() for mark in marks),
        stated=record["stated"],
    )
