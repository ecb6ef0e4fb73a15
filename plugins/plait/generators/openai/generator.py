"""Answers written by any server of the OpenAI protocol, by its address."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing, suppress
from functools import lru_cache
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from plait.config import Settings, check_request
from plait.contracts import Chunk, Generation, GenerationRequest, Message
from plait.contracts.errors import ConfigError, GenerationError
from plait.generators.conversation import estimated_tokens, prompt_tokens
from plait.generators.endpoint import Endpoint, checked_base_url, checked_variable, secret_from_environment
from plait.generators.local.model import load_tokenizer
from plait.generators.openai.client import Client, Limits
from plait.generators.openai.completion import Completion
from plait.generators.openai.faults import ServerError
from plait.generators.streaming import StopFilter, iterate, run
from plait.generators.structured import check_form, choice_schema, chosen, valid_json, whole_number

__all__ = ["Config", "OpenAICompatible"]

_RESERVED = frozenset(
    {"model", "messages", "prompt", "prompt_embeds", "stream", "stream_options", "max_tokens", "max_completion_tokens",
     "temperature", "seed", "stop", "response_format", "structured_outputs", "n"}
)  # fmt: skip
_MOST_STOPS = 4


class Config(Settings):
    """Settings of ``openai-compatible``."""

    model_config = ConfigDict(hide_input_in_errors=True)  # someone may write a key where none belongs

    base_url: str = "http://127.0.0.1:8000/v1"
    """Address of the server, up to and including ``/v1``."""
    model: str = ""
    """Name of the model at the server; empty takes the only one it serves."""
    api_key_env: str = ""
    """The environment variable that holds the key. A key itself is never a setting."""
    api_key_header: str = Field(default="Authorization", pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    """The header the key goes into; ``Authorization`` gets ``Bearer`` in front of it."""
    context_tokens: int | None = Field(default=None, ge=32)
    """Longest prompt plus answer in tokens; this protocol does not tell."""
    tokenizer: str = ""
    """``smollm2-135m`` or a local folder whose tokenizer counts tokens; empty counts as ``count`` says."""
    count: Literal["estimate", "server"] = "estimate"
    """``estimate``: from letters and signs, on the high side; ``server``: ask its ``/tokenize`` (vLLM has it)."""
    connect_seconds: float = Field(default=5.0, gt=0)
    """Longest wait for a connection."""
    idle_seconds: float = Field(default=120.0, gt=0)
    """Longest wait for the next piece of an answer, the first one included."""
    total_seconds: float = Field(default=600.0, gt=0)
    """Longest wait for a whole answer, retries included."""
    retries: int = Field(default=4, ge=0, le=20)
    """How often a request is sent again that failed, with 408, 429, 500, 502, 503, 504 or no connection, before any
    of its answer came."""
    concurrency: int = Field(default=8, ge=1, le=1024)
    """Requests of one batch at the server at a time."""
    limit_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls the longest answer; OpenAI's newer models want the second."""
    structured: Literal["response_format", "none"] = "response_format"
    """How the server is asked for choices and JSON; ``none`` refuses such requests without asking it."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """More of the request's body, as the server's documentation says, such as ``{"top_p": 0.9}``."""

    @field_validator("api_key_env", mode="before")
    @classmethod
    def _names_a_variable(cls, value: Any) -> str:
        return checked_variable(value, "api_key_env")

    @field_validator("base_url", mode="before")
    @classmethod
    def _is_an_address(cls, value: Any) -> str:
        return checked_base_url(value)

    @field_validator("extra")
    @classmethod
    def _adds_nothing_reserved(cls, value: dict[str, Any]) -> dict[str, Any]:
        taken = sorted(_RESERVED & value.keys())
        if taken:
            raise ConfigError(
                f"the key {taken[0]!r} is set by this generator",
                where="extra",
                fix="leave it out: the request or another setting says it",
            )
        return value


class OpenAICompatible:
    """A server of the OpenAI protocol: chat completions, streamed.

    The server is not touched before the first prompt, or before :attr:`context_tokens` has to be asked of it.
    Requests of threads and of event loops may run side by side.

    An answer whose form is given (``choices``, ``json_schema``) is shown when it is whole and was checked. All other
    text is shown as it comes, and what was shown is an answer only if the last chunk came: every fault is a
    :class:`~plait.contracts.errors.GenerationError`.

    Args:
        config: the settings.

    Raises:
        GenerationError: the variable with the key is not set.
    """

    name = "openai-compatible"

    def __init__(self, config: Config) -> None:
        self.config = config
        where = f"generator {self.name} at {config.base_url}"
        self.where = where
        key = secret_from_environment(config.api_key_env, where)
        self.endpoint = Endpoint(config.base_url, where, config.api_key_env, key, config.api_key_header)
        limits = Limits(config.connect_seconds, config.idle_seconds, config.total_seconds, config.retries)
        self.client = Client(self.endpoint, limits)
        self._model = config.model
        self._count_at_server = lru_cache(maxsize=256)(self._ask_for_count)

    @property
    def context_tokens(self) -> int | None:
        """The setting of that name."""
        return self.config.context_tokens

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt: by the local tokenizer of the settings, by the server, or estimated on the high side.

        Raises:
            GenerationError: the server was to count and cannot.
            ModelError: the tokenizer of the settings is missing.
        """
        if self.config.tokenizer:
            tokenizer = load_tokenizer(self.config.tokenizer, self.where)
            return len(prompt_tokens(tokenizer, messages, chat=bool(tokenizer.chat_template)))
        if self.config.count == "server":
            return self._count_at_server(tuple((message.role, message.content) for message in messages))
        return estimated_tokens(messages)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the answer as it is written. Leaving early ends it at the server.

        Raises:
            GenerationError: the server is down, slow, refuses or breaks off; what came before is no answer.
        """
        with closing(iterate(self.astream(request))) as chunks:
            yield from chunks

    async def astream(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """:meth:`stream` for an event loop."""
        self._check(request)
        async with aclosing(self._answer(request)) as chunks:
            async for chunk in chunks:
                yield chunk

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Several answers, ``concurrency`` of them at a time, in the order of the requests.

        Raises:
            GenerationError: one of them failed; the others are given up.
        """
        return run(self.agenerate(requests))

    async def agenerate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """:meth:`generate` for an event loop."""
        import asyncio

        for request in requests:
            self._check(request)
        free = asyncio.Semaphore(self.config.concurrency)

        async def one(request: GenerationRequest) -> Generation:
            async with free, aclosing(self._answer(request)) as stream:
                chunks = [chunk async for chunk in stream]
            last = chunks[-1]
            text = "".join(chunk.text for chunk in chunks)
            return Generation(text, last.finish_reason or "length", last.usage, last.detail)

        tasks = [asyncio.ensure_future(one(request)) for request in requests]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _lacks(self) -> Sequence[str]:
        """What of a request this protocol has no place for."""
        return ("soft_tokens",)

    def _check(self, request: GenerationRequest) -> None:
        """Refuses what this backend cannot do, before anything is sent."""
        check_request(request, self.where, lacks=self._lacks())
        if check_form(request, self.where) and self.config.structured == "none":
            raise GenerationError(
                'the request asks for choices or JSON, and structured = "none" says that this server has neither',
                where=self.where,
                fix='set structured = "response_format" if it has, or use another generator',
            )

    async def _answer(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        prompt = await self._prompt(request)
        model = await self._ready()
        path, body = self._body(request, model, prompt)
        answer, stop = Completion(self.endpoint), StopFilter(request.stop)
        formed = bool(request.choices) or request.json_schema is not None
        held: list[str] = []
        fault: ServerError | None = None
        try:
            async with aclosing(self.client.events(f"{self.endpoint.base_url}{path}", body)) as events:
                async for event in events:
                    text = answer.push(event)
                    if formed:
                        held.append(text)
                    elif shown := stop.push(text):
                        yield Chunk(shown)
                    if stop.stopped:
                        break  # leaving closes the connection, which ends the answer at the server
        except ServerError as error:
            fault = error
        event = b""  # servers repeat keys in their complaints, and some error reports show local variables
        if fault is not None:
            raise (await self._explained(fault, model)).with_traceback(None)
        finish = "stop" if stop.stopped else answer.close()
        rest = "".join(held) + stop.flush()
        if formed and finish != "declined":
            rest = self._formed(rest, request, cut=finish == "length")
        yield Chunk(rest, finish, answer.usage, {"model": answer.model or model})

    async def _prompt(self, request: GenerationRequest) -> dict[str, Any]:
        """The part of the body that says what to answer; made before the server is touched."""
        return {"messages": [{"role": message.role, "content": message.content} for message in request.messages]}

    async def _ready(self) -> str:
        """The model's name, once the server may be asked."""
        return await self._named_model()

    def _body(self, request: GenerationRequest, model: str, prompt: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Path and body of the request for an answer."""
        body: dict[str, Any] = {
            **self.config.extra,
            **prompt,
            "model": model,
            self.config.limit_key: request.max_tokens,
            "temperature": request.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.temperature > 0:
            body["seed"] = request.seed
        schema = choice_schema(request.choices) if request.choices else request.json_schema
        if schema is not None:
            form = {"name": "choice" if request.choices else "answer", "strict": True, "schema": dict(schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        elif stops := [stop for stop in request.stop if stop]:
            # Not beside a form: text after a stop string would be cut out of JSON. The protocol takes four; all are
            # kept to here.
            body["stop"] = stops[:_MOST_STOPS]
        return "/chat/completions" if "messages" in prompt else "/completions", body

    def _formed(self, text: str, request: GenerationRequest, *, cut: bool) -> str:
        text = self.endpoint.redacted(text)  # complaints about it repeat some of it
        if request.choices:
            return chosen(text, request.choices, self.where, cut=cut)
        return valid_json(text, request.json_schema or {}, self.where, cut=cut)

    async def _named_model(self) -> str:
        if not self._model:
            served = await self._served()
            if len(served) != 1:
                raise GenerationError(
                    f"the server has {len(served)} models, and the setting 'model' names none",
                    where=self.where,
                    choices=map(self.endpoint.shown, served),
                    fix="set model to one of them",
                )
            self._model = served[0]
        return self._model

    async def _served(self) -> list[str]:
        """Names of the models that the server has."""
        return [entry["id"] for entry in await self._models()]

    async def _models(self) -> list[Mapping[str, Any]]:
        found = await self.client.fetch(f"{self.endpoint.base_url}/models")
        entries = found.get("data") if isinstance(found, Mapping) else None
        if not isinstance(entries, list):
            raise ServerError(
                "the server does not list its models as this protocol does",
                where=self.where,
                fix="set model, and check that base_url ends in /v1",
            )
        return [entry for entry in entries if isinstance(entry, Mapping) and isinstance(entry.get("id"), str)]

    async def _explained(self, fault: ServerError, model: str) -> GenerationError:
        """The fault with what the server can say about it."""
        if not fault.unknown_model:
            return fault
        served: list[str] = []
        with suppress(GenerationError):  # the first fault is what matters; without the list it says less
            served = await self._served()
        return ServerError(
            f"the server has no model {self.endpoint.shown(model)!r}",
            unknown_model=True,
            status=fault.status,
            where=self.where,
            choices=[self.endpoint.shown(name) for name in served],
            fix="set model to one that it serves",
        )

    def _ask_for_count(self, turns: tuple[tuple[str, str], ...]) -> int:
        return run(self._counted(turns))

    async def _counted(self, turns: tuple[tuple[str, str], ...]) -> int:
        body = {
            "model": await self._named_model(),
            "messages": [{"role": role, "content": content} for role, content in turns],
            "add_generation_prompt": True,
        }
        fault: ServerError | None = None
        try:
            found = await self.client.fetch(f"{self.endpoint.root}/tokenize", body)
        except ServerError as error:
            found, fault = None, error
        if fault is not None and fault.status not in {404, 405, 501}:
            raise fault
        count = whole_number(found.get("count")) if isinstance(found, Mapping) else None
        if count is None:
            raise GenerationError(
                "the server has no /tokenize to count tokens with",
                where=self.where,
                fix='set count = "estimate", or tokenizer to a local folder',
            )
        return count
