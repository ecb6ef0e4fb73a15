"""One answer as it grows: from logits to tokens, from tokens to text that may be shown, until it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from plait.contracts import GenerationRequest
from plait.contracts.errors import GenerationError
from plait.generators.local.json_grammar import JsonGrammar
from plait.generators.local.model import CausalModel
from plait.generators.stop_strings import StopFilter

if TYPE_CHECKING:
    import torch

__all__ = ["Writing", "checked_logits", "next_token"]


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
