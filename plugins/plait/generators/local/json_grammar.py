"""Answers that can only be JSON of a schema: at every token llguidance says which may follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.config import require
from plait.contracts.errors import GenerationError
from plait.generators.local.model import CausalModel

if TYPE_CHECKING:
    import torch

__all__ = ["JsonGrammar", "grammar_vocabulary"]

_SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""One way to write each value: small models would else go on with white space until the limit."""


def grammar_vocabulary(model: CausalModel, where: str) -> Any:
    """A model's vocabulary as the grammars know it; takes a third of a second, once for a model.

    Raises:
        GenerationError: the tokenizer is not one of the library ``tokenizers``.
        MissingDependencyError: llguidance is not installed.
    """
    hf = require("llguidance.hf", "plait[models]", needed_by=where)
    try:
        return hf.from_tokenizer(model.tokenizer, eos_token=sorted(model.ends))
    except ValueError as error:
        raise GenerationError(
            f"JSON of a schema cannot be written with the tokenizer of {model.name}: {error}",
            where=where,
            fix="use a model with a tokenizer.json and an end token, or leave json_schema out of the request",
        ) from error


class JsonGrammar:
    """Follows one answer.

    Args:
        vocabulary: from :func:`grammar_vocabulary`.
        schema: a JSON schema.
        where: for messages.

    Raises:
        GenerationError: the schema is none, or asks for something that no grammar can express.
    """

    def __init__(self, vocabulary: Any, schema: Mapping[str, Any], where: str) -> None:
        guidance = require("llguidance", "plait[models]", needed_by=where)
        grammar = guidance.LLMatcher.grammar_from_json_schema(dict(schema), overrides=_SPACING)
        self._matcher = guidance.LLMatcher(vocabulary, grammar, log_level=0)
        self._where = where
        self._check()

    def allowed(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (vocabulary,) with minus infinity at every token that may not follow."""
        import torch

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        self._check()
        allowed = np.zeros(len(logits), dtype=bool)  # beyond the tokenizer's tokens a matrix may be padded
        known = np.unpackbits(bits, bitorder="little", count=min(len(logits), 8 * len(bits)))
        allowed[: len(known)] = known
        return logits.masked_fill(~torch.from_numpy(allowed), float("-inf"))

    def take(self, token: int) -> None:
        """Goes on behind a token that was allowed."""
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            fault = str(self._matcher.get_error()).strip().splitlines()[0]
            raise GenerationError(
                f"no answer can be held to this json_schema: {fault}", where=self._where, fix="give a simpler schema"
            )
