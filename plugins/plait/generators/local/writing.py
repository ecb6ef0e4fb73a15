"""One answer as it grows: from logits to text that may be shown, until it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from plait.contracts import GenerationRequest
from plait.generators.decoding import StopFilter, TextFromTokens
from plait.generators.local.model import CausalModel
from plait.generators.local.sampling import checked_logits, next_token

if TYPE_CHECKING:
    import torch

__all__ = ["Writing"]


class Writing:
    """Chooses tokens and turns them into text.

    Args:
        model: what writes.
        request: how long, how random, and until which stop strings.
        stops: further stop strings.
        penalty: see :func:`~plait.generators.local.sampling.next_token`.

    Attributes:
        tokens: what was written, without an end token.
        finish: why the answer ended; None while it goes on.
    """

    def __init__(self, model: CausalModel, request: GenerationRequest, stops: Sequence[str], penalty: float) -> None:
        import torch

        self.tokens: list[int] = []
        self.finish: Literal["stop", "length"] | None = None
        self._request = request
        self._penalty = penalty
        self._ends = model.ends
        self._random = torch.Generator(device="cpu").manual_seed(request.seed)
        self._text = TextFromTokens(lambda ids: str(model.tokenizer.decode(ids, skip_special_tokens=True)))
        self._stop = StopFilter([*request.stop, *stops])
        self._shown = False

    def push(self, logits: torch.Tensor) -> str:
        """Takes the next token from logits (vocabulary,); returns the text that it completes, which may be empty.

        Raises:
            GenerationError: the logits are not finite.
        """
        request = self._request
        token = next_token(checked_logits(logits), self.tokens, request.temperature, self._penalty, self._random)
        if token in self._ends:
            self.finish = "stop"
            return ""
        self.tokens.append(token)
        piece = self._stop.push(self._text.push(token))
        if self._stop.stopped:
            self.finish = "stop"
        elif len(self.tokens) >= request.max_tokens:
            self.finish = "length"
        return self._begun(piece)

    def rest(self) -> str:
        """What was held back when the answer ended."""
        return "" if self._stop.stopped else self._begun(self._stop.push(self._text.flush()) + self._stop.flush())

    def _begun(self, piece: str) -> str:
        piece = piece if self._shown else piece.lstrip()
        self._shown = self._shown or bool(piece)
        return piece
