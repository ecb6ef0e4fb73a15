"""Yes, no or maybe: what a generator decides, from its own choice or from what it wrote.

A backend that takes ``choices`` is asked for exactly one of the three words, with the evidence of its answer in front.
That measures the reader: no relevance threshold stands before it. A backend that takes none is judged by its answer:
the first word of it is the decision if it is one of the three, else there is none, which counts as wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from plait.contracts import Answer, GenerationRequest, Hit, IndexView, Query
from plait.contracts.errors import GenerationError
from plait.evaluation.answers.evidence import as_evidence
from plait.evaluation.answers.questions import DECISIONS
from plait.prompts import pack
from plait.rag.parts import Parts
from plait.rag.structure import read_structure, ties_of

__all__ = ["Decider", "Decision", "majority", "stated"]

_FIRST = re.compile(r"\W*(\w+)")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, None for nothing, and whether by the backend's own choice or by the text of the answer."""

    value: str | None
    by: Literal["choices", "text"]


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
