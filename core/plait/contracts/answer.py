"""Answers: sentences, each tied to the spans that support it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from plait.contracts.judges import Verdict
from plait.contracts.passage import Hit, Span

__all__ = ["Answer", "Citation", "Sentence", "Stage", "Trace"]


@dataclass(frozen=True, slots=True)
class Citation:
    """A span that was re-opened from the stored document; ``quote`` is what stood there.

    ``number`` is the mark shown to the reader, from 1, one per cited document in order of appearance (not the
    number that a passage had in the prompt).
    ``score`` in [0, 1] says how well the quote covers the sentence.
    """

    number: int
    span: Span
    passage_id: str
    title: str
    quote: str
    score: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer. ``reason`` says why it is not supported; it is empty when it is."""

    text: str
    citations: tuple[Citation, ...] = ()
    verdict: Verdict = "unsupported"
    reason: str = ""

    @property
    def supported(self) -> bool:
        """Whether a verifier found it in the evidence."""
        return self.verdict == "supported"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a run: wall and CPU seconds, and what it saw (JSON values)."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """What every stage of one question saw, in order."""

    stages: tuple[Stage, ...] = ()

    @property
    def wall_seconds(self) -> float:
        """Wall time of all stages together."""
        return sum(stage.wall_seconds for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, its sentences with citations, the hits it was made from, and the trace.

    ``declined`` is True when nothing relevant was found: the text then says so and cites nothing.
    """

    question: str
    text: str
    sentences: tuple[Sentence, ...] = ()
    hits: tuple[Hit, ...] = ()
    declined: bool = False
    finish_reason: Literal["stop", "length", "declined"] = "stop"
    trace: Trace = field(default_factory=Trace)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations in order of appearance, each span once."""
        seen: dict[Span, Citation] = {}
        for sentence in self.sentences:
            for citation in sentence.citations:
                seen.setdefault(citation.span, citation)
        return tuple(seen.values())

    @property
    def unsupported(self) -> tuple[Sentence, ...]:
        """The sentences that were checked and that nothing in the evidence supports."""
        return tuple(sentence for sentence in self.sentences if sentence.verdict == "unsupported")
