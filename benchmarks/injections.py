"""How many of 40 passages that try to take over change the answer, for each generator.

    python benchmarks/injections.py [--pipeline FILE]... [--injections FILE] [--json OUT] [--show]

Every question is asked twice with its document given: the honest one, and the same with the attack in it. ``changed``
counts answers whose words differ at all, ``taken over`` those that then contain what the attack wants written, and
``cited`` those of them in which Plait's verifier supports a sentence with it. A generator that quotes is taken over
where it quotes the attack. Below the table, the verifier apart from any generator: how many of the answers that the
attacks want it would support. Without ``--pipeline``: ``extractive``, and ``transformers`` with SmolLM2-135M. A server
behind ``openai-compatible`` or ``vllm-server`` must run already; its work shows in the seconds, not in the CPU seconds.

Greshake et al. 2023, *Not what you've signed up for: compromising real-world LLM-integrated applications with indirect
prompt injection*. What differs between the two answers is the attack's doing, because greedy answers are reproducible.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

from rich.console import Console
from rich.table import Table

from plait.config import Pipeline, load_pipeline, use
from plait.contracts import Answer
from plait.contracts.errors import PlaitError, ReadError
from plait.evaluation import bootstrap_interval
from plait.evaluation.answers.asking import ask_questions
from plait.evaluation.answers.quality import given_hits
from plait.evaluation.answers.questions import Question
from plait.evaluation.reporting import environment, environment_lines, json_report, rows_of, write_json
from plait.evaluation.retrieval.collections import json_lines
from plait.prompts import checked_sentences
from plait.rag import Rag, open_index
from plait.text.passages import as_evidence

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "plugins" / "guards" / "injections.jsonl"
COUNTED = ("changed", "taken", "taken_supported")
HEADINGS = ("changed", "taken over", "taken over and cited")


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
    found = [_injection(record, where) for where, record in json_lines(path)]
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
) -> list[Attacked]:
    """Asks each question of its honest and of its attacked document.

    Args:
        rag: holds the documents of :func:`write_corpus`.
        injections: the attacks.

    Raises:
        GenerationError: the generator failed.
    """
    answers: list[list[Answer]] = []
    for side in ("honest", "attacked"):
        questions = [Question(one.id, one.question, (f"{one.id}-{side}",), "", "single") for one in injections]
        asked = ask_questions(rag, questions, evidence="given").asked
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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Count the injections that change an answer, for each generator.")
    parser.add_argument("--pipeline", type=Path, action="append", help="Python or TOML file; give it once for each")
    parser.add_argument("--injections", type=Path, default=CORPUS, help="the attacks, one JSON object a line")
    parser.add_argument("--json", type=Path, help="write the figures and each answer to this file")
    parser.add_argument("--show", action="store_true", help="print the answers that were taken over")
    options = parser.parse_args(arguments)
    injections = load_injections(options.injections)
    pipelines = {str(file): load_pipeline(file) for file in options.pipeline or ()} or {
        "extractive": Pipeline(retrievers=[use("lexical")], generator=use("extractive")),
        "transformers, smollm2-135m": Pipeline(retrievers=[use("lexical")], generator=use("transformers")),
    }
    console = Console(highlight=False, width=120)
    shown = Table(title=f"{len(injections)} injected passages", title_justify="left")
    shown.add_column("generator")
    for heading in (*HEADINGS, "s", "CPU-s"):
        shown.add_column(heading, justify="right")
    measured: dict[str, Any] = {}
    passing: list[str] = []
    for label, pipeline in pipelines.items():
        found, passing, seconds, cpu = measure(pipeline, injections)
        figures = counts(found)
        times = {"seconds": seconds, "cpu_seconds": cpu}
        measured[label] = {**figures, **times, "answers": [told(one) for one in found]}
        shown.add_row(label, *(_figure(figures[name], len(found)) for name in COUNTED), f"{seconds:.0f}", f"{cpu:.0f}")
        if options.show:
            for one in found:
                if one.taken:
                    console.print(
                        f"{label}: {one.injection.id} {one.injection.trick}\n    {one.attacked.text}", markup=False
                    )
    believed_in = f"{len(passing)} of {len(injections)}" + (f": {', '.join(passing)}" if passing else "")
    notes = (
        f"wanted answers that the verifier supports: {believed_in}",
        "in brackets: 95 % bootstrap intervals over the attacks",
        *environment_lines(environment()),
    )
    console.print(shown, *notes, sep="\n")
    if options.json:
        short = {
            label: {name: own for name, own in one.items() if name != "answers"} for label, one in measured.items()
        }
        rows = rows_of(options.injections.stem, {**short, "verifier": {"believed": len(passing)}})
        write_json(options.json, json_report(rows, generators=measured, believed=passing, environment=environment()))
    return 0


def measure(pipeline: Pipeline, injections: Sequence[Injection]) -> tuple[list[Attacked], list[str], float, float]:
    """All answers of one pipeline, the attacks that its verifier believes, and the seconds and CPU seconds it took."""
    with TemporaryDirectory(prefix="plait-injections-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        write_corpus(injections, corpus)
        with open_index(Path(folder) / "index", pipeline) as rag:
            rag.add(corpus)
            start, cpu = time.monotonic(), time.process_time()
            found = attack(rag, injections)
            seconds, cpu = time.monotonic() - start, time.process_time() - cpu
            return found, [one.id for one in believed(rag, injections)], seconds, cpu


def counts(found: Sequence[Attacked]) -> dict[str, dict[str, float]]:
    """How many, with the interval of the count."""
    figures = {}
    for name in COUNTED:
        values = [float(getattr(one, name)) for one in found]
        interval = bootstrap_interval(values)
        low, high = interval.low * len(found), interval.high * len(found)
        figures[name] = {"count": sum(values), "low": low, "high": high}
    return figures


def told(one: Attacked) -> dict[str, Any]:
    """One attack and its answers, for reading."""
    return {
        "id": one.injection.id,
        "trick": one.injection.trick,
        "honest": one.honest.text,
        "attacked": one.attacked.text,
        **{name: getattr(one, name) for name in COUNTED},
    }


def _injection(record: dict[str, Any], where: str) -> Injection:
    if not all(isinstance(record.get(key), str) for key in _TEXTS):
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


def _figure(figure: dict[str, float], total: int) -> str:
    return f"{figure['count']:.0f} of {total} ({figure['low']:.0f} to {figure['high']:.0f})"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PlaitError as error:
        sys.exit(f"error: {error}")
