"""A passage cut into statements, once per snapshot, and shared by whoever judges, quotes or verifies.

A statement is the smallest thing that can be quoted or cited: a sentence, or one row of a table with its header.
Cutting, finding words and looking for what steers a reader cost more than any judgement made of them, so a view keeps
the passages it has seen (:func:`analysed`), up to a bound; what it keeps follows from the snapshot alone.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from plait.contracts import Document, Embedder, Evidence, Hit, IndexView, Passage, PlacedBlock, Section, Table, Text
from plait.text.content import stems
from plait.text.sentences import parted, touch

__all__ = [
    "AnalysedPassage",
    "Quotable",
    "Statement",
    "Steering",
    "analysed",
    "analysis_of",
    "as_evidence",
    "quotable",
    "statement_vectors",
    "statements_of",
]

KEPT_PASSAGES = 1_000
"""Passages that a view keeps: some 20 MB of statements and words."""
NEARNESS = 2.0
"""What the cosine of a whole passage counts for its statements, against 1 for all words of the question in one of them.
Of nine orders tried on 85 questions about the example papers this one brought the statement of the highest cosine, or
one within .02 of it, among the first six of 35 most often (.95 of the questions; by words and rank alone .86)."""
PRIOR = 0.4
"""Instead of it where no cosine is known: what the first passage adds; later ones add less."""
KEPT_VECTORS = 4_000
"""Vectors of statements that a view keeps for each embedder: 6 MB at 384 dimensions."""
BAR = " | "

Steering = Callable[[Sequence[str]], Sequence[Sequence[tuple[int, int]]]]
"""Says for each text which characters are no statement but meant to steer the reader; see the hook of that name."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, a table's row or its caption, word for word.

    Args:
        text: exactly ``document.text[start:end]``.
        start: first character in the document's canonical text.
        end: one past the last.
        block: which block of the document it stands in; what is quoted together never crosses blocks.
        kind: rows are cited one at a time; a caption alone answers nothing.
        context: what helps to understand it: title and headings, for a row also the table's caption.
        header: the span of the table's header line, for rows below it. A row is cited together with it.
        header_text: what stands there.
        steers: whether it is no statement but meant to steer the reader. It is never quoted and supports nothing.
        stems: stems of the content words of header and text.
    """

    text: str
    start: int
    end: int
    block: int
    kind: Literal["sentence", "row", "caption"]
    context: str
    header: tuple[int, int] | None = None
    header_text: str = ""
    steers: bool = False
    stems: frozenset[str] = frozenset()

    @property
    def described(self) -> str:
        """Context, header and text, for an encoder."""
        return "\n".join(part for part in (self.context, self.header_text, self.text) if part)


class AnalysedPassage:
    """One passage and what can be said of it without a question.

    Args:
        passage: the passage.
        document: its document, which knows where blocks and tables begin. Without it the passage's lines tell.
        steering: characters of the passage's text that steer the reader.
        hostile: titles and headings that steer the reader; they are context of nothing.
    """

    def __init__(
        self,
        passage: Passage,
        document: Document | None = None,
        steering: Sequence[tuple[int, int]] = (),
        hostile: frozenset[str] = frozenset(),
    ) -> None:
        self.passage = passage
        self.steering = tuple((passage.start + start, passage.start + end) for start, end in steering)
        """Characters of the document that steer."""
        self._text = passage.text if document is None else document.text
        self._offset = passage.start if document is None else 0
        self._title = "" if document is None else document.title
        self._blocks = _blocks_of_text(passage) if document is None else _blocks_of_document(passage, document)
        self._hostile = hostile
        self.kept: _Kept | None = None
        """Where vectors of its statements are kept: with the view that keeps the passage."""

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems of the content words of context and text."""
        return frozenset(stems(self.passage.embedding_text))

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Everything in it that can be quoted, in order."""
        found: list[Statement] = []
        if not self._blocks:  # a title, perhaps with headings, is all there is: it can be quoted, nothing stands above
            found += self._sentences(self.passage.start, self.passage.end, 0, "")
        for number, placed in self._blocks:
            start, end = max(placed.start, self.passage.start), min(placed.end, self.passage.end)
            titles = (part for part in (self._title, *placed.path) if part and part not in self._hostile)
            context = " > ".join(titles)
            if isinstance(placed.block, Table):
                found += self._rows(placed.block, placed.start, number, context)
            else:
                found += self._sentences(start, end, number, context)
        return tuple(found)

    def _sentences(self, start: int, end: int, block: int, context: str) -> Iterator[Statement]:
        spans = [(a - start, b - start) for a, b in self.steering]
        for a, b, steers in parted(self._slice(start, end), spans):
            shown = self._slice(start + a, start + b)
            yield Statement(
                shown, start + a, start + b, block, "sentence", context, steers=steers, stems=frozenset(stems(shown))
            )

    def _rows(self, table: Table, position: int, block: int, context: str) -> Iterator[Statement]:
        """The lines of a table that lie inside the passage: the caption, and each row with the header above it."""
        header: tuple[int, int] | None = None
        if table.caption:
            start, position = position, position + len(table.caption) + 1
            yield from self._line(start, position - 1, block, "caption", context, None)
            context = "\n".join(part for part in (context, table.caption) if part)
        for order, cells in enumerate(row for row in (table.header, *table.rows) if row):
            start, end = position, position + len(BAR.join(cells))
            position = end + 1
            if order == 0 and table.header:
                header = (start, end)
                if touch(start, end, self.steering):
                    header = None
            else:
                yield from self._line(start, end, block, "row", context, header)

    def _line(
        self, start: int, end: int, block: int, kind: Literal["row", "caption"], context: str,
        header: tuple[int, int] | None,
    ) -> Iterator[Statement]:  # fmt: skip
        if start < self.passage.start or end > self.passage.end:
            return
        shown = self._slice(start, end)
        above = self._slice(*header) if header else ""
        if shown.strip(" |"):
            steers = touch(start, end, self.steering)
            words = frozenset(stems(f"{above} {shown}"))
            yield Statement(shown, start, end, block, kind, context, header, above, steers, words)

    def _slice(self, start: int, end: int) -> str:
        return self._text[start - self._offset : end - self._offset]


def analysed(view: IndexView, passages: Sequence[Passage], steering: Steering | None = None) -> list[AnalysedPassage]:
    """The passages as the view keeps them, analysed where it has not seen them before.

    Args:
        view: the snapshot they come from; it opens their documents.
        passages: passages of this view.
        steering: asked once, for all texts that are new: the passages, and their documents' titles and headings.
    """
    kept = _kept_by(view, steering)
    missing = [passage for passage in passages if kept.passage(passage) is None]
    if missing:
        opened = {document_id: view.document(document_id) for document_id in {p.document_id for p in missing}}
        titles = sorted({part for passage in missing for part in _titles(passage, opened[passage.document_id])})
        texts = [*(passage.text for passage in missing), *titles]
        spans = [()] * len(texts) if steering is None else steering(texts)
        hostile = frozenset(title for title, found in zip(titles, spans[len(missing) :], strict=True) if found)
        for passage, found in zip(missing, spans, strict=False):
            analysis = AnalysedPassage(passage, opened[passage.document_id], found, hostile)
            analysis.kept = kept
            kept.keep(analysis)
    return [kept.passage(passage) or AnalysedPassage(passage) for passage in passages]


def as_evidence(hits: Sequence[Hit], view: IndexView, steering: Steering | None = None) -> list[Evidence]:
    """Hits as numbered evidence, opened by their passages' names, which hold in every snapshot."""
    passages = [view.passage(view.row(hit.passage_id)) for hit in hits]
    return [
        Evidence(number, analysis.passage, view.title(hit.document_id), hit.score, analysis=analysis)
        for number, (hit, analysis) in enumerate(zip(hits, analysed(view, passages, steering), strict=True), start=1)
    ]


def analysis_of(item: Evidence) -> AnalysedPassage:
    """The analysis that came with the evidence, or a new one where there is none or the passage was replaced."""
    held = item.analysis
    return held if isinstance(held, AnalysedPassage) and held.passage == item.passage else AnalysedPassage(item.passage)


def statements_of(evidence: Sequence[Evidence]) -> list[tuple[Evidence, Statement]]:
    """Every statement of the evidence in its order, each place of a document once.

    What steers in one passage steers in all: a sentence that two passages share is in doubt if it is in one of them.
    """
    doubtful: dict[str, list[tuple[int, int]]] = {}
    analyses = [analysis_of(item) for item in evidence]
    for item, analysis in zip(evidence, analyses, strict=True):
        doubtful.setdefault(item.passage.document_id, []).extend(analysis.steering)
    found: dict[tuple[str, int, int], tuple[Evidence, Statement]] = {}
    for item, analysis in zip(evidence, analyses, strict=True):
        document_id = item.passage.document_id
        for statement in analysis.statements:
            if not statement.steers and touch(statement.start, statement.end, doubtful[document_id]):
                statement = replace(statement, steers=True)
            found.setdefault((document_id, statement.start, statement.end), (item, statement))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Quotable:
    """A statement that may be quoted in an answer.

    Args:
        statement: what is quoted.
        place: place of its passage among the evidence, from 0.
        coverage: share of the question's words that it or its context holds, each weighted by how few statements hold
            it; in [0, 1].
    """

    statement: Statement
    place: int
    coverage: float


def quotable(question: str, evidence: Sequence[Evidence]) -> list[Quotable]:
    """What of the evidence may be quoted, most promising by words first, then as it stands; each text once.

    What steers, captions and what holds fewer than two content words answer nothing and are left out. The order costs
    no encoder: who compares meanings can do so for the first few.
    """
    found: dict[tuple[str, str], tuple[int, Statement]] = {}
    places = {item.number: place for place, item in enumerate(evidence)}
    for item, statement in statements_of(evidence):
        if not statement.steers and statement.kind != "caption" and len(statement.stems) > 1:
            found.setdefault((statement.header_text, statement.text), (places[item.number], statement))
    contexts = {
        context: frozenset(stems(context)) for context in {statement.context for _, statement in found.values()}
    }
    held = [statement.stems | contexts[statement.context] for _, statement in found.values()]
    frequency = Counter(stem for words in held for stem in words)
    asked = {stem: math.log(1 + len(held) / (1 + frequency[stem])) for stem in stems(question)}
    total = sum(asked.values()) or 1.0

    def share(words: frozenset[str]) -> float:
        return sum(mass for stem, mass in asked.items() if stem in words) / total

    def promise(item: Quotable) -> float:
        near = evidence[item.place].similarity
        return share(item.statement.stems) + (PRIOR / (1 + item.place) if near is None else NEARNESS * near)

    items = [
        Quotable(statement, place, share(words)) for (place, statement), words in zip(found.values(), held, strict=True)
    ]
    return sorted(items, key=lambda item: -promise(item))


def statement_vectors(
    evidence: Sequence[Evidence], statements: Sequence[Statement], embedder: Embedder
) -> NDArray[np.float32]:
    """Vectors of statements of the evidence with their context, shape (statements, dimension).

    They are encoded one by one and kept with the passages. One by one, because in low precision a vector depends a
    little on what it was computed together with, and an answer must not depend on the questions asked before it.
    """
    kept = next((kept for item in evidence if (kept := analysis_of(item).kept) is not None), None)
    return (kept or _Kept()).vectors(embedder, [statement.described for statement in statements])


def _blocks_of_document(passage: Passage, document: Document) -> list[tuple[int, PlacedBlock]]:
    return [
        (number, placed)
        for number, placed in enumerate(document.placed())
        if placed.start < passage.end and placed.end > passage.start
    ]


def _blocks_of_text(passage: Passage) -> list[tuple[int, PlacedBlock]]:
    """Blocks as the text shows them: parts between blank lines, and tables where lines hold bars."""
    section = Section("", ())
    path = tuple(part for part in passage.context.split(" > ") if part)
    found: list[tuple[int, PlacedBlock]] = []
    position = passage.start
    for part in passage.text.split("\n\n"):
        lines = part.split("\n")
        caption = lines.pop(0) if len(lines) > 2 and BAR not in lines[0] and BAR in lines[1] else ""
        rows = [tuple(line.split(BAR)) for line in lines]
        table = len(rows) > 1 and all(BAR in line for line in lines)
        block = Table(rows[0], tuple(rows[1:]), caption) if table else Text(part)
        if part:
            found.append((len(found), PlacedBlock(section, path, block, position, position + len(part))))
        position += len(part) + 2
    return found


def _titles(passage: Passage, document: Document) -> set[str]:
    paths = (placed.path for _, placed in _blocks_of_document(passage, document))
    return {part for part in (document.title, *(part for path in paths for part in path)) if part}


class _Kept:
    """What a view keeps: the passages and vectors asked for most recently."""

    def __init__(self) -> None:
        self._passages: OrderedDict[str, AnalysedPassage] = OrderedDict()
        self._vectors: dict[int, tuple[Embedder, OrderedDict[str, NDArray[np.float32]]]] = {}
        self._lock = Lock()

    def passage(self, passage: Passage) -> AnalysedPassage | None:
        with self._lock:
            held = self._passages.get(passage.id)
            if held is None or held.passage != passage:
                return None
            self._passages.move_to_end(passage.id)
            return held

    def keep(self, analysis: AnalysedPassage) -> None:
        with self._lock:
            self._passages[analysis.passage.id] = analysis
            _drop_oldest(self._passages, KEPT_PASSAGES)

    def vectors(self, embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._lock:
            _, held = self._vectors.setdefault(id(embedder), (embedder, OrderedDict()))
            found: Mapping[str, NDArray[np.float32]] = {text: held[text] for text in texts if text in held}
        made = {text: embedder.embed_passages([text])[0] for text in dict.fromkeys(texts) if text not in found}
        with self._lock:
            held.update(made)
            for text in found:
                if text in held:
                    held.move_to_end(text)
            _drop_oldest(held, KEPT_VECTORS)
        if not texts:
            return np.zeros((0, embedder.dimension), dtype=np.float32)
        return np.stack([found[text] if text in found else made[text] for text in texts])


def _kept_by(view: IndexView, steering: Steering | None) -> _Kept:
    """What the view keeps of passages that this guard has looked at: another may see other things in them."""
    guards: dict[Steering | None, _Kept] = view.derived("plait.text.passages", dict)
    return guards.setdefault(steering, _Kept())


def _drop_oldest(kept: OrderedDict[str, AnalysedPassage] | OrderedDict[str, NDArray[np.float32]], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
