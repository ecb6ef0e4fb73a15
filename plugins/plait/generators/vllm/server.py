"""Answers written by a vLLM server: the OpenAI protocol, and what vLLM has beyond it."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.contracts import Chunk, EmbeddingSpace, GenerationRequest, Message
from plait.contracts.errors import ConfigError, GenerationError
from plait.generators.local.model import SMOLLM2
from plait.generators.openai.faults import ServerError
from plait.generators.openai.generator import Config as OpenAIConfig
from plait.generators.openai.generator import OpenAICompatible
from plait.generators.soft_tokens import MOST_SOFT_TOKENS
from plait.generators.streaming import run
from plait.generators.structured import whole_number
from plait.generators.vllm.generator import CANARY, CANARY_TOKENS
from plait.generators.vllm.prompt_embeddings import PromptEmbeddings

__all__ = ["Config", "VllmServer"]

_PENALTIES = frozenset({"repetition_penalty", "frequency_penalty", "presence_penalty"})


class Config(OpenAIConfig):
    """Settings of ``vllm-server``."""

    count: Literal["estimate", "server"] = "server"
    """``server``: ask its ``/tokenize``; ``estimate``: from letters and signs, on the high side."""
    soft_tokens: int = Field(default=0, ge=0, le=MOST_SOFT_TOKENS)
    """Markers in front of each passage, where structure enters; 0 (or ``False``) for none, ``True`` for one. The server
    must have been started with ``--enable-prompt-embeds``."""
    local_model: str = SMOLLM2
    """The model that the server has, on this machine as well: soft tokens need its tokenizer and embedding matrix.
    ``smollm2-135m``, a local folder, a GGUF file, or a Hugging Face id that is on disk."""


class VllmServer(OpenAICompatible):
    """A vLLM server, with its window, its exact counts, and its prompt embeddings.

    With ``soft_tokens`` the chat template is rendered here and the server gets token numbers, or embeddings where soft
    tokens change them; the gate stands before. Without, it gets messages.

    The first request is preceded by a fixed prompt whose greedy answer is remembered. After a request that failed at
    the server, the next one is preceded by it again: a server that answers otherwise than at first is refused, each
    time anew, until it answers as before, which it does once it was restarted. The server's own ``/health`` is not
    asked: it stays green over an engine whose answers are damaged.

    Args:
        config: the settings.

    Raises:
        GenerationError: the variable with the key is not set.
        ModelError: ``local_model`` is missing.
    """

    name = "vllm-server"
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._window: int | None = None
        self._state = threading.Lock()
        self._first: str | None = None
        self._suspicion: str | None = None
        self._local = None
        if config.soft_tokens:
            taken = sorted(_PENALTIES & config.extra.keys())
            if taken:
                raise ConfigError(
                    f"{taken[0]!r} beside soft tokens: penalties on embedded prompts have ended vLLM engines",
                    where=f"{self.where}: extra",
                    fix="leave the penalty out, or set soft_tokens = 0",
                )
            self._local = PromptEmbeddings(config.local_model, config.soft_tokens, self.where)

    @property
    def context_tokens(self) -> int | None:
        """The setting of that name, else what the server says.

        Raises:
            GenerationError: the server cannot be asked.
        """
        if self.config.context_tokens is not None:
            return self.config.context_tokens
        if self._window is None:
            self._window = run(self._asked_window())
        return self._window

    @property
    def soft_tokens(self) -> int:
        """Markers in front of each passage."""
        return self.config.soft_tokens

    def _lacks(self) -> Sequence[str]:
        return () if self.soft_tokens else ("soft_tokens",)

    def embedding_space(self) -> EmbeddingSpace:
        """Where soft tokens have to land: the space that the ``transformers`` generator has for ``local_model``.

        Raises:
            GenerationError: soft tokens are off.
        """
        return self._embeddings().space

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, markers included where soft tokens are on."""
        if self._local is not None:
            return len(self._local.marked(messages).tokens)
        return super().count_tokens(messages)

    def check_health(self) -> None:
        """Asks the server the fixed prompt, which says more than its own ``/health``.

        Raises:
            GenerationError: it is down, or no longer answers as it did at first.
        """
        run(self._checked_health())

    async def _checked_health(self) -> None:
        await self._sane(await self._named_model())

    async def _prompt(self, request: GenerationRequest) -> dict[str, Any]:
        import asyncio

        if self._local is None:
            return await super()._prompt(request)
        # Rendering takes milliseconds, loading the matrix before the first seconds: neither belongs on the loop.
        tokens, rows = await asyncio.to_thread(self._local.prompt, request.messages, request.soft_tokens)
        return {"prompt": list(tokens)} if rows is None else {"prompt_embeds": _encoded(rows)}

    async def _ready(self) -> str:
        model = await self._named_model()
        with self._state:
            known = self._first is not None and self._suspicion is None
        if not known:
            await self._sane(model)
        return model

    async def _answer(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        fault: ServerError | None = None
        try:
            async with aclosing(super()._answer(request)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except ServerError as error:
            fault = error
        if fault is not None:
            if fault.suspect:
                with self._state:
                    self._suspicion = fault.message
            raise fault.with_traceback(None)

    async def _sane(self, model: str) -> None:
        """Remembers the answer to the fixed prompt, or compares it.

        Raises:
            GenerationError: the server fails at it, or answers otherwise than at first.
        """
        body = {"model": model, "prompt": CANARY, "max_tokens": CANARY_TOKENS, "temperature": 0.0, "ignore_eos": True}
        found: Any = None
        fault: ServerError | None = None
        try:
            found = await self.client.fetch(f"{self.endpoint.base_url}/completions", body)
        except ServerError as error:
            fault = error
        if fault is not None:
            raise (await self._explained(fault, model)).with_traceback(None)
        try:
            answer = found["choices"][0]["text"]
        except (TypeError, LookupError):
            answer = None
        with self._state:
            if isinstance(answer, str) and self._first in {None, answer}:
                self._first, self._suspicion = answer, None
                return
            reason = self._suspicion or "it may have been changed"
            self._suspicion = reason
        raise GenerationError(
            f"the server no longer answers a fixed prompt as it did at first (before: {reason})",
            where=self.where,
            fix="restart the server; its health check can stay green while its answers are damaged",
        )

    def _body(self, request: GenerationRequest, model: str, prompt: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        path, body = super()._body(request, model, prompt)
        body.pop("response_format", None)  # this server has a way of its own, also for prompts that are not messages
        if request.choices:
            body["structured_outputs"] = {"choice": list(request.choices)}
        elif request.json_schema is not None:
            body["structured_outputs"] = {"json": dict(request.json_schema)}
        elif "stop" in body:
            body["stop"] = [stop for stop in request.stop if stop]  # and takes any number of these
        return path, body

    def _embeddings(self) -> PromptEmbeddings:
        if self._local is None:
            raise GenerationError(
                "soft tokens are off, so the server gets text only",
                where=self.where,
                fix="set soft_tokens to 1 at least, and local_model to the model that the server has",
            )
        return self._local

    async def _asked_window(self) -> int | None:
        model = await self._named_model()
        entries = [entry for entry in await self._models() if entry["id"] == model]
        return whole_number(entries[0].get("max_model_len"), least=1) if entries else None


def _encoded(rows: NDArray[np.float32]) -> str:
    """Rows in the form that the server reads: a torch file in base64. Only ever written here, never read."""
    import torch

    file = io.BytesIO()
    torch.save(torch.from_numpy(rows).clone(), file)
    return base64.b64encode(file.getvalue()).decode("ascii")
