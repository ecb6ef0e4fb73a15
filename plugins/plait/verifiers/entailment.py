"""Verifier ``entailment``: a sentence is supported where a model says that a span entails it.

Any sequence classification model that was trained on premise and hypothesis serves (Bowman et al. 2015, *A large
annotated corpus for learning natural language inference*). Its classes are found by their names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.contracts import Claim, Evidence, IndexView, Support, SupportingSpan
from plait.contracts.errors import ModelError
from plait.rankers.pair_classifier import PairClassifier, PairSettings
from plait.text.content import stems
from plait.verifiers.words import Window, windows_of

__all__ = ["Config", "EntailmentVerifier"]


class Config(PairSettings):
    """Settings of ``entailment``."""

    model: str
    """A local folder or Hugging Face id of a sequence classification model with a class named entailment."""
    threshold: float = Field(default=0.5, gt=0.0, lt=1.0)
    """Least probability of entailment."""
    spans: int = Field(default=8, ge=1, le=100)
    """Most spans that one sentence is compared with: those that share most of its words."""


class EntailmentVerifier:
    """Asks the model about each pair of span and sentence, batch by batch. Nothing is loaded before the first.

    Args:
        config: the settings.

    Raises:
        ModelError: the model is missing or has pickled weights only.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._model = PairClassifier(config, trained_to="judge entailment")

    def verify(self, claims: Sequence[Claim], evidence: Sequence[Evidence], view: IndexView) -> list[Support]:  # noqa: ARG002
        """One judgement per claim, see :class:`plait.contracts.Verifier`.

        Raises:
            ModelError: the model cannot be loaded, names no class entailment, or gave no finite number.
        """
        windows = [window for window in windows_of(evidence) if not window.steers]
        near = [_nearest(claim, windows, self.config.spans) for claim in claims]
        pairs = [(window, claim.text) for claim, found in zip(claims, near, strict=True) for window in found]
        if not pairs:
            return [Support("unsupported", reason="nothing in the evidence can be compared with it")] * len(claims)
        entailed = self._entailed([_premise(window) for window, _ in pairs], [text for _, text in pairs])
        judged: list[Support] = []
        for found in near:
            own, entailed = entailed[: len(found)], entailed[len(found) :]
            judged.append(self._support(found, own))
        return judged

    def _entailed(self, premises: Sequence[str], hypotheses: Sequence[str]) -> NDArray[np.float32]:
        """Probability of entailment of each pair, shape (pairs,)."""
        labels = [label.casefold() for label in self._model.labels]
        places = [place for place, label in enumerate(labels) if label.startswith("entail")]
        if len(places) != 1:
            raise ModelError(
                f"the model's classes are {', '.join(self._model.labels)}: none, or more than one, is named entailment",
                where=self.config.model,
                fix="choose a model of natural language inference, or set id2label in its config.json",
            )
        logits = self._model.logits(premises, hypotheses)  # (pairs, classes)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds[:, places[0]] / odds.sum(axis=1), dtype=np.float32)

    def _support(self, windows: Sequence[Window], entailed: NDArray[np.float32]) -> Support:
        if not len(entailed):
            return Support("unsupported", reason="nothing in the evidence can be compared with it")
        best = int(np.argmax(entailed))
        score = float(entailed[best])
        if score < self.config.threshold:
            return Support("unsupported", (), f"no span entails it (the closest: {score:.2f})", score)
        window = windows[best]
        spans = tuple(SupportingSpan(span, window.item.passage.id, round(score, 4)) for span in window.spans)
        return Support("supported", spans, "", score)


def _nearest(claim: Claim, windows: Sequence[Window], most: int) -> list[Window]:
    """The windows that share most words with the claim; of equal ones what the model named, then the shorter."""
    asked = frozenset(stems(claim.text))

    def key(window: Window) -> tuple[int, bool, int]:
        return -len(asked & window.stems), window.item.number not in claim.named, window.size

    return sorted(windows, key=key)[:most]


def _premise(window: Window) -> str:
    """What the model reads: what stands above the span helps it as it helps a person."""
    title = window.item.title
    return f"{title}: {window.text}" if title else window.text
