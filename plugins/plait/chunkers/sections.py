"""Passages along the sections of a document, each with its headings as context; tables are cut between rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from pydantic import Field

from plait.chunkers.lengths import Measure, Ruler, count_words, tokens_of, words
from plait.chunkers.passage_breaks import Unit, pack, units_of
from plait.config import Settings
from plait.contracts import Document, Passage, PlacedBlock, Text, TokenCounting
from plait.contracts.document import SEPARATOR, Equation, Figure, Section, Table

__all__ = ["Config", "SectionChunker", "context_of", "table_pieces"]

WORDS = 320
"""Most words of a passage where nothing says how many tokens are read: a typical abstract (150 to 300) stays whole."""
_MAX_NOTE = 400
"""Most characters of a caption, and of a header, that every further piece of a table repeats."""

Kind = Literal["text", "table", "figure", "equation"]


class Config(Settings):
    """Settings of the chunker ``sections``."""

    max_tokens: int = Field(default=256, ge=16, le=32_768)
    """Most tokens of a passage with its title and headings, in the tokens of the pipeline's embedders, and never more
    than they read. Where none of them tells, passages have at most 320 words."""
    max_words: int | None = Field(default=None, ge=16, le=20_000)
    """Most words of a passage; if set, tokens do not count, and what an embedder cannot read at once it reads in
    windows."""
    min_words: int = Field(default=48, ge=0)
    """A text passage with fewer words joins its neighbour under the same parent section, if both fit together."""
    overlap_sentences: int = Field(default=0, ge=0, le=5)
    """How many sentences of the passage before are repeated at the start, within one section. They come on top of the
    most tokens or words; what an embedder cannot read at once it reads in windows."""
    separate_tables: bool = True
    """Tables are passages of their own; rows that do not fit into one follow in further passages."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A passage before it is numbered.

    ``heading`` is where its section's heading starts, or its own start; ``parent`` what its neighbours must share to be
    merged with it; ``run`` tells apart stretches that nothing else interrupts.
    """

    start: int
    end: int
    words: int
    path: tuple[str, ...]
    parent: tuple[str, ...]
    role: str
    kind: Kind
    heading: int
    run: int
    note: str = ""


class SectionChunker:
    """Cuts documents along their sections.

    Paragraphs and equations of a section are packed into passages that an encoder reads whole, cut at paragraphs where
    possible, else at sentences, and inside a sentence only when it alone is too long. Tables and figures are passages
    of their own. Passages never cross into another section, except that small neighbours under one parent are merged;
    such a passage starts at its first section's heading. A document without blocks is one passage: its title and
    headings.

    Args:
        config: the settings.
        embedders: whose tokens count; without any, words do.
    """

    def __init__(self, config: Config | None = None, embedders: Sequence[TokenCounting] = ()) -> None:
        self.config = config or Config()
        self._measures = _measures(self.config, embedders)

    def fitted(self, embedders: Sequence[TokenCounting]) -> SectionChunker:
        """The same chunker for these embedders; see :class:`plait.contracts.FittingChunker`."""
        return SectionChunker(self.config, embedders)

    def chunk(self, document: Document) -> Sequence[Passage]:
        """The passages of ``document`` in reading order; none if it has no text at all.

        Example:
            >>> paper = Document("a", "On braids", (Section("Intro", (Text("Three strands. One braid."),)),))
            >>> [(p.id, p.text, p.context) for p in SectionChunker().chunk(paper)]
            [('a#0', 'Three strands. One braid.', 'On braids > Intro')]
        """
        ruler = Ruler(document.text, self._measures)
        drafts = self._merge(document, self._drafts(document, ruler), ruler)
        if not drafts:
            drafts = self._bare(document, ruler)
        passages = []
        for ordinal, draft in enumerate(drafts):
            context = context_of(document, draft.path) if draft.run >= 0 else ""
            context = "\n".join(part for part in (context, draft.note) if part)
            text = document.text[draft.start : draft.end]
            name = f"{document.id}#{ordinal}"
            passages.append(Passage(name, document.id, ordinal, draft.start, draft.end, text, context, draft.kind))
        return passages

    def _drafts(self, document: Document, ruler: Ruler) -> list[_Draft]:
        text = document.text
        drafts: list[_Draft] = []
        placed = [block for block in document.placed() if text[block.start : block.end].strip()]
        runs = groupby(enumerate(placed), key=lambda item: (id(item[1].section), self._alone(item)))
        for number, (_, run) in enumerate(runs):
            blocks = [block for _, block in run]
            first = blocks[0]
            kind = _kind(blocks)
            heading = first.start
            title = first.section.title
            before = heading - len(SEPARATOR) - len(title)
            if title.strip() and before >= 0 and text[before : before + len(title)] == title:
                heading = before
            parent = first.path[:-1] if title else first.path
            context = context_of(document, first.path)
            if kind == "table":
                for start, end, note in table_pieces(text, first, ruler, context):
                    size = count_words(text[start:end])
                    drafts.append(_Draft(start, end, size, first.path, parent, "", kind, start, number, note))
                continue
            units = units_of(text, blocks, ruler, context)
            for low, high in pack(units, ruler.loads([(unit.start, unit.end) for unit in units], context)):
                start, end = units[low].start, units[high - 1].end
                size = count_words(text[start:end])
                if kind != "figure" and low and self.config.overlap_sentences:
                    start = units[max(0, low - self.config.overlap_sentences)].start
                top = heading if low == 0 else start
                drafts.append(_Draft(start, end, size, first.path, parent, first.section.role, kind, top, number))
        return drafts

    def _alone(self, item: tuple[int, PlacedBlock]) -> int:
        """Groups running text together and gives every table and figure a group of its own."""
        position, placed = item
        apart = isinstance(placed.block, Figure) or (isinstance(placed.block, Table) and self.config.separate_tables)
        return position + 1 if apart else 0

    def _merge(self, document: Document, drafts: list[_Draft], ruler: Ruler) -> list[_Draft]:
        merged: list[_Draft] = []
        for draft in drafts:
            while merged and self._joins(merged[-1], draft):
                last = merged[-1]
                path = _common_path([last.path, draft.path])
                start = min(last.heading, last.start)
                if ruler.load(start, draft.end, context_of(document, path)) > 1:
                    break
                merged.pop()
                size = last.words + draft.words
                draft = _Draft(start, draft.end, size, path, draft.parent, last.role, "text", start, draft.run)
            merged.append(draft)
        return merged

    def _joins(self, last: _Draft, draft: _Draft) -> bool:
        """Whether two neighbours belong together, if they fit into one passage."""
        small = min(last.words, draft.words) < self.config.min_words
        running_text = {last.kind, draft.kind} <= {"text", "equation"}
        related = draft.parent in (last.parent, last.path)  # a sibling, or the first child of an opening text
        return small and running_text and related and last.run != draft.run and last.role == draft.role

    def _bare(self, document: Document, ruler: Ruler) -> list[_Draft]:
        """A document without blocks: its title and headings are all there is to find it by."""
        whole = PlacedBlock(Section("", ()), (), Text(document.text), 0, len(document.text))
        units = units_of(document.text, [whole], ruler)
        ranges = pack(units, ruler.loads([(unit.start, unit.end) for unit in units]))
        return [_Draft(units[a].start, units[b - 1].end, 0, (), (), "", "text", 0, -1) for a, b in ranges]


def _measures(config: Config, embedders: Sequence[TokenCounting]) -> list[Measure]:
    """What bounds a passage: words if they are set or nothing else is known, else every embedder's tokens."""
    if config.max_words is not None or not embedders:
        return [words(config.max_words or WORDS)]
    counted = [tokens_of(embedder, config.max_tokens) for embedder in embedders]
    # A long run without any space is a single unknown token to some tokenizers. Ordinary words have a token at least.
    return [*counted, words(min(measure.most for measure in counted))]


def _kind(blocks: Sequence[PlacedBlock]) -> Kind:
    first = blocks[0].block
    if isinstance(first, Table) and len(blocks) == 1:
        return "table"
    if isinstance(first, Figure):
        return "figure"
    return "equation" if all(isinstance(block.block, Equation) for block in blocks) else "text"


def context_of(document: Document, path: Sequence[str]) -> str:
    """``title > heading > heading``, each line once.

    Example:
        >>> context_of(Document("a", "On braids", ()), ("On braids", "Method", "Data"))
        'On braids > Method > Data'
    """
    parts: list[str] = []
    for part in (document.title, *path):
        shown = " ".join(part.split())
        if shown and (not parts or shown.casefold() != parts[-1].casefold()):
            parts.append(shown)
    return " > ".join(parts)


def _common_path(paths: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The headings that all of ``paths`` begin with."""
    shared: list[str] = []
    for level in zip(*paths, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return tuple(shared)


def table_pieces(text: str, placed: PlacedBlock, ruler: Ruler, context: str = "") -> Iterator[tuple[int, int, str]]:
    r"""Start, end and note of each piece of a table. The note of a later piece repeats caption and header.

    Example:
        >>> from plait.contracts import Document, Section
        >>> table = Table(("model", "score"), (("BM25", ".68"), ("MiniLM", ".65"), ("ours", ".71")), "SciFact")
        >>> placed = next(Document("a", "", (Section("", (table,)),)).placed())
        >>> ruler = Ruler(table.text, [words(10)])
        >>> [(table.text[start:end], note) for start, end, note in table_pieces(table.text, placed, ruler)][1]
        ('MiniLM | .65\nours | .71', 'SciFact\nmodel | score')
    """
    table = placed.block
    if not isinstance(table, Table):
        raise TypeError(f"a table is cut here, not a {type(table).__name__}")
    if ruler.load(placed.start, placed.end, context) <= 1:
        content = text[placed.start : placed.end]
        lead = len(content) - len(content.lstrip())
        yield placed.start + lead, placed.start + len(content.rstrip()), ""
        return
    note, above = _note(table, ruler, context)
    units = _rows(text, placed, table, ruler, above)
    for first, last in pack(units, ruler.loads([(unit.start, unit.end) for unit in units], above)):
        yield units[first].start, units[last - 1].end, note if first else ""


def _note(table: Table, ruler: Ruler, context: str) -> tuple[str, str]:
    """Caption and header, as long as they leave half of a passage to its rows; and what then stands above it."""
    for most in (_MAX_NOTE, _MAX_NOTE // 2, _MAX_NOTE // 4):
        note = "\n".join(_short(part, most) for part in (table.caption, " | ".join(table.header)) if part)
        above = "\n".join(part for part in (context, note) if part)
        if not ruler.crowded(above):
            return note, above
    return "", context


def _rows(text: str, placed: PlacedBlock, table: Table, ruler: Ruler, context: str) -> list[Unit]:
    """One unit a line of the table; a line beyond the limit is cut at sentences and words."""
    units: list[Unit] = []
    position = placed.start
    lines = [table.caption] if table.caption else []
    lines += [" | ".join(row) for row in (table.header, *table.rows) if row]
    for line in lines:
        block = PlacedBlock(placed.section, placed.path, Text(line), position, position + len(line))
        units += units_of(text, [block], ruler, context)
        position += len(line) + 1
    return units


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0] + " …"
