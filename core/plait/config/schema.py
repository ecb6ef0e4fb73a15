"""The one validated model of a pipeline, whether it was written in Python or in TOML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from plait.config.bounds import within
from plait.config.use import Settings, Use, use

__all__ = ["AnswerSettings", "Pipeline"]

Uses = Annotated[Sequence[Use], AfterValidator(tuple)]
"""Components in order: a list or tuple is accepted, a tuple is held, so that every way of writing compares equal."""


class AnswerSettings(Settings):
    """How evidence becomes an answer."""

    passages: int = Field(default=8, ge=1, le=200)
    """Most passages put before the generator."""
    prompt_tokens: int = Field(default=1_500, ge=64)
    """Most tokens of the prompt; whole passages only, what did not fit is in the trace."""
    max_tokens: Annotated[int, AfterValidator(within("max_tokens"))] = 256
    """Most tokens of the answer."""
    template: str = "default"
    """``default`` (short, small models follow it), ``thorough`` (for larger ones), or the path of a template."""
    ties: Literal["auto", "always", "never"] = "auto"
    """Whether the prompt says in words how its papers are tied ("[1] cites [3]"), in pipelines with a document graph.
    ``auto``: where the generator gets no soft tokens, which say it without words."""
    tie_tokens: int = Field(default=96, ge=0)
    """Most tokens of that; it takes only room that passages leave."""
    seed: Annotated[int, AfterValidator(within("seed"))] = 0
    """Seed for generators that sample, from 0 to 2**63 - 1; greedy ones ignore it."""
    temperature: Annotated[float, AfterValidator(within("temperature"))] = 0.0
    """0 decodes greedily and reproducibly; else from 0.01 to 2."""


class Pipeline(Settings):
    """A whole pipeline.

    Example:
        >>> Pipeline(retrievers=[use("dense")]).generator.name
        'extractive'
    """

    readers: Uses = (use("markdown"), use("text"), use("beir"), use("jats"), use("pdf"))
    """Tried in this order; the first that accepts a file reads it."""
    chunker: Use = use("sections")
    retrievers: Uses = Field(default=(use("dense"), use("lexical")), min_length=1)
    fusion: Use = use("rrf")
    ranker: Use | None = None
    generator: Use = use("extractive")
    candidates: int = Field(default=100, ge=1)
    """How many passages each retriever returns for fusion."""
    answer: AnswerSettings = AnswerSettings()
