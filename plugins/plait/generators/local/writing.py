"""One answer as it grows: from logits to tokens, from tokens to text that may be shown, until it ends.

JSON of a schema: at every token llguidance says which may follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from plait.config import require
from plait.contracts import GenerationRequest
from plait.contracts.errors import GenerationError
from plait.generators.local.model import CausalModel
from plait.generators.streaming import StopFilter

if TYPE_CHECKING:
    import torch

__all__ = ["JsonGrammar", "Writing", "checked_logits", "grammar_vocabulary", "next_token"]

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


class Writing:
    """Chooses tokens and turns them into text.

    Args:
        model: what writes.
        request: how long, how random, and until which stop strings.
        stops: further stop strings.
        penalty: see :func:`next_token`.
        grammar: what the answer has to be; nothing else can then be written, nor does anything else end it.

    Attributes:
        tokens: what was written, without an end token.
        finish: why the answer ended; None while it goes on.
    """

    def __init__(
        self,
        model: CausalModel,
        request: GenerationRequest,
        stops: Sequence[str] = (),
        penalty: float = 1.0,
        grammar: JsonGrammar | None = None,
    ) -> None:
        import torch

        self.tokens: list[int] = []
        self.finish: Literal["stop", "length"] | None = None
        self._request = request
        # Quotes and brackets have to be repeated.
        self._penalty = penalty if grammar is None else 1.0
        self._grammar = grammar
        self._ends = model.ends
        self._random = torch.Generator(device="cpu").manual_seed(request.seed)
        self._tokenizer = model.tokenizer
        self._decoded = (0, 0)
        self._stop = StopFilter([*request.stop, *stops] if grammar is None else ())
        self._shown = False

    def push(self, logits: torch.Tensor) -> str:
        """Takes the next token from logits (vocabulary,); returns the text that it completes, which may be empty.

        Raises:
            GenerationError: the logits are not finite.
        """
        request, logits = self._request, checked_logits(logits)
        if self._grammar is not None:
            logits = self._grammar.allowed(logits)
        token = next_token(logits, self.tokens, request.temperature, self._penalty, self._random)
        if token in self._ends:
            self.finish = "stop"
            return ""
        if self._grammar is not None:
            self._grammar.take(token)
        self.tokens.append(token)
        piece = self._stop.push(self._piece())
        if self._stop.stopped:
            self.finish = "stop"
        elif len(self.tokens) >= request.max_tokens:
            self.finish = "length"
        return self._begun(piece)

    def rest(self) -> str:
        """What was held back when the answer ended."""
        return "" if self._stop.stopped else self._begun(self._stop.push(self._piece(last=True)) + self._stop.flush())

    def _piece(self, *, last: bool = False) -> str:
        """The text that the newest tokens complete.

        A token may hold part of a character, and a tokenizer may treat white space by its left neighbour. So it is the
        difference between a short tail decoded with and without the new tokens, held back while it ends in half a
        character. (The streamers of transformers hold back whole words, and the ``DecodeStream`` of tokenizers knows
        no tokenizer written in Python.)
        """
        context, shown = self._decoded
        before, after = (
            str(self._tokenizer.decode(tokens, skip_special_tokens=True))
            for tokens in (self.tokens[context:shown], self.tokens[context:])
        )
        if len(after) <= len(before) or (after.endswith("\ufffd") and not last):
            return ""
        self._decoded = shown, len(self.tokens)
        return after[len(before) :]

    def _begun(self, piece: str) -> str:
        piece = piece if self._shown else piece.lstrip()
        self._shown = self._shown or bool(piece)
        return piece


def checked_logits(logits: torch.Tensor) -> torch.Tensor:
    """Logits in float32 on the processor.

    Raises:
        GenerationError: one is no number, or none is finite.
    """
    import torch

    logits = logits.detach().float().cpu()
    if not bool(torch.isfinite(logits).any()) or bool(torch.isnan(logits).any()):
        raise GenerationError(
            "the model gave logits that are not finite",
            where="generator transformers",
            fix='set dtype="float32"; if it stays, the weights are bad',
        )
    return logits


def next_token(
    logits: torch.Tensor, written: Sequence[int], temperature: float, penalty: float, random: torch.Generator
) -> int:
    """The token to write next.

    Args:
        logits: (vocabulary,), from :func:`checked_logits`.
        written: tokens written before. The prompt's are free.
        temperature: 0 takes the most likely token; above, tokens are drawn from softmax(logits / temperature).
        penalty: logits of ``written`` are divided (positive) or multiplied (negative) by it (Keskar et al., CTRL,
            2019); 1 leaves them alone.
        random: what draws: one of its own for each answer, so that an answer depends on its seed and on nothing else.
    """
    import torch
    from transformers import RepetitionPenaltyLogitsProcessor

    if penalty != 1.0 and written:
        penalised = RepetitionPenaltyLogitsProcessor(penalty)
        logits = penalised(torch.tensor([written]), logits[None])[0]
    if temperature <= 0:
        return int(torch.argmax(logits))
    return int(torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=random))
