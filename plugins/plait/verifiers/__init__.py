"""The verifiers that come with Plait: which spans of the evidence support a sentence of an answer."""

from __future__ import annotations

from collections.abc import Sequence

from plait.contracts import Claim, Evidence, IndexView, Support
from plait.hooks import Component, hookimpl

__all__ = [
    "Unchecked",
    "plait_components",
]


class Unchecked:
    """The verifier ``none``: marks every sentence as unchecked, so that nothing is shown as if it were."""

    def verify(self, claims: Sequence[Claim], evidence: Sequence[Evidence], view: IndexView) -> list[Support]:  # noqa: ARG002
        """``unchecked`` for each claim, without spans."""
        return [Support("unchecked", reason="nothing was checked: the pipeline's verifier is 'none'") for _ in claims]


@hookimpl
def plait_components() -> list[Component]:
    """Declares ``words``, the default, ``entailment`` (needs a model) and ``none``."""
    return [
        Component(
            "verifier",
            "words",
            factory="plait.verifiers.words:WordsVerifier",
            summary="compares words, numbers with units, negation and roles; explains each refusal",
        ),
        Component(
            "verifier",
            "entailment",
            factory="plait.verifiers.entailment:EntailmentVerifier",
            config="plait.verifiers.entailment:Config",
            summary="asks a model of natural language inference, named by folder or id",
            extra="plait[models]",
        ),
        Component(
            "verifier",
            "none",
            factory="plait.verifiers:Unchecked",
            summary="checks nothing; every sentence is marked unchecked",
        ),
    ]
