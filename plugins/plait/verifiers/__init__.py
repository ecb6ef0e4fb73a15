"""The verifiers that come with Plait: which spans of the evidence support a sentence of an answer."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


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
            factory="plait.verifiers.unchecked:Unchecked",
            summary="checks nothing; every sentence is marked unchecked",
        ),
    ]
