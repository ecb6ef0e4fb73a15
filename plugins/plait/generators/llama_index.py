"""Any language model of LlamaIndex as a generator."""

from __future__ import annotations

import importlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from plait.config import Settings, check_request
from plait.config.extras import require
from plait.contracts import Chunk, GenerationRequest, Message, Usage
from plait.contracts.errors import ConfigError, GenerationError
from plait.generators.conversation import estimated_tokens
from plait.generators.endpoint import Secret, on_one_line
from plait.generators.streaming import StopFilter
from plait.generators.structured import whole_number

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse
    from llama_index.core.llms import LLM

__all__ = ["Config", "LlamaIndexGenerator"]

_WHERE = "generator 'llama-index'"
_EXTRA = "plait[llama-index]"
_NAMED_LIKE_A_KEY = re.compile(r"key|token(?!s|iz)|secret|passw|credential|authorization|cookie", re.I)
_LOOKS_LIKE_A_KEY = re.compile(
    r"(?<![\w-])(?:sk|pk|rk|gsk|hf|xai|AIza|AKIA|ghp|nvapi)[-_]?[A-Za-z0-9_\-.]{12,}|(?<=bearer )[!-~]{8,}", re.I
)
_SHORTEST_KEY = 4
"""Shorter texts are no keys, and taking them out would tear words apart."""


class Config(Settings):
    """Settings of the generator ``llama-index``."""

    llm: str = Field(pattern=r"^[\w.]+:\w+$")
    """``module:Class`` of the model, such as ``llama_index.llms.ollama:Ollama``; its package is installed apart."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the class, such as ``{"model": "llama3.2"}``. Keys belong into the environment variable that
    the class reads, not here: a pipeline is stored in every index made with it."""


class LlamaIndexGenerator:
    """Asks a LlamaIndex ``LLM``, by chat where it is a chat model, else with the turns as one text.

    ``max_tokens``, ``temperature`` and ``seed`` reach models that have a field of that name; stop texts are watched
    for here. Tokens are those that the model reports, else an estimate on the high side; see
    :mod:`plait.generators.conversation`.

    Args:
        config: the settings.

    Raises:
        ConfigError: there is no such class, it is no ``LLM``, or it does not take these arguments.
        MissingDependencyError: ``llama-index-core``, or the package of the class, is not installed.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._llm = _build(config.llm, config.arguments)

    @property
    def context_tokens(self) -> int | None:
        """The window that the model's class names."""
        window = int(self._llm.metadata.context_window)
        return window if window > 0 else None

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate on the high side: LlamaIndex does not know its models' tokenizers."""
        return estimated_tokens(messages)

    def stream(self, request: GenerationRequest) -> Iterator[Chunk]:
        """Yields the answer as the model writes it.

        Raises:
            GenerationError: the model failed, or is asked for choices or JSON, which this backend does not offer.
        """
        written = _Written(request, self._llm, self.config.llm)
        fault: GenerationError | None = None
        try:
            for response in written.llm.stream_chat(_turns(request.messages)):
                if piece := written.piece(response):
                    yield Chunk(piece)
                if written.stopped:
                    break
        except GenerationError:
            raise
        except Exception as error:  # every backend of LlamaIndex raises its own library's errors
            fault = self._failed(error)
        if fault is not None:
            raise fault
        yield written.last()

    async def astream(self, request: GenerationRequest) -> AsyncIterator[Chunk]:
        """:meth:`stream` on the event loop, by the model's own asynchronous client.

        Raises:
            GenerationError: as :meth:`stream`.
        """
        written = _Written(request, self._llm, self.config.llm)
        fault: GenerationError | None = None
        try:
            async for response in await written.llm.astream_chat(_turns(request.messages)):
                if piece := written.piece(response):
                    yield Chunk(piece)
                if written.stopped:
                    break
        except GenerationError:
            raise
        except Exception as error:
            fault = self._failed(error)
        if fault is not None:
            raise fault
        yield written.last()

    def _failed(self, error: Exception) -> GenerationError:
        """The fault in the library's words, which may repeat the key it was given.

        It carries no chain: the errors of HTTP libraries hold the request with its headers.
        """
        said = on_one_line(_without_secrets(str(error), self._llm), 300)
        return GenerationError(
            f"{self.config.llm} failed ({type(error).__name__}{f': {said}' if said else ''})",
            where=_WHERE,
            fix="check that its server runs and its key is set; what it wrote is not passed off as an answer",
        )


class _Written:
    """What has come of one answer."""

    def __init__(self, request: GenerationRequest, llm: LLM, name: str) -> None:
        check_request(request, _WHERE, lacks=("choices", "json_schema", "soft_tokens"))
        wanted = {"max_tokens": request.max_tokens, "temperature": request.temperature, "seed": request.seed}
        fields = type(llm).model_fields
        self.llm = llm.model_copy(update={name: value for name, value in wanted.items() if name in fields})
        self._messages = request.messages
        self._stop = StopFilter(request.stop)
        self._length = 0
        self._text = ""
        self._raw: Any = None
        self._reason = ""
        self._name = name

    @property
    def stopped(self) -> bool:
        return self._stop.stopped

    def piece(self, response: ChatResponse) -> str:
        """What of a response is new and may be shown."""
        whole = response.message.content or ""
        # Some classes fill delta, others only the whole text so far.
        fresh = response.delta if response.delta is not None else whole[self._length :]
        self._length += len(fresh)
        self._raw = response.raw if response.raw is not None else self._raw
        self._reason = _reason(response) or self._reason
        shown = self._stop.push(fresh)
        self._text += shown
        return shown

    def last(self) -> Chunk:
        """The end: what was held back, why it ended, and tokens.

        Raises:
            GenerationError: no word and no reason for the end ever came, so nobody says that the answer is whole.
        """
        if not (self._length or self._reason or self.stopped):
            raise GenerationError(
                f"{self._name} ended before its answer began; that is no answer",
                where=_WHERE,
                fix="look at its server's log, then try again",
            )
        rest = "" if self.stopped else self._stop.flush()
        reason = "length" if self._reason == "length" and not self.stopped else "stop"
        usage = _usage(self._raw) or Usage(
            estimated_tokens(self._messages), max(1, estimated_tokens([Message("assistant", self._text + rest)]))
        )
        detail = {"model": self.llm.metadata.model_name, "tokens": "reported" if _usage(self._raw) else "estimated"}
        return Chunk(rest, "length" if reason == "length" else "stop", usage, detail)


def _build(path: str, arguments: dict[str, Any]) -> LLM:
    require("llama_index.core", _EXTRA, needed_by=_WHERE)
    from llama_index.core.llms import LLM

    module, _, name = path.partition(":")
    package = module.replace("_", "-").replace(".", "-")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the module {error.name!r} is not installed", where=f"{_WHERE}: {path}", fix=f"pip install {package}"
        ) from error
    if not (isinstance(found, type) and issubclass(found, LLM)):
        raise ConfigError(
            f"{path} is no language model of LlamaIndex",
            where=_WHERE,
            fix="name a subclass of llama_index.core.llms.LLM, such as llama_index.llms.ollama:Ollama",
        )
    try:
        return found(**arguments)
    except Exception as error:
        # The message may repeat the arguments, and these may hold a key after all.
        raise ConfigError(
            f"{path} does not take these arguments ({type(error).__name__})",
            where=_WHERE,
            choices=sorted(found.model_fields),
        ) from None


def _without_secrets(text: str, holder: Any) -> str:
    """``text`` without what a model's fields hold as keys, nor anything that has the looks of a key."""
    for value in sorted(_secrets(holder), key=len, reverse=True):
        text = Secret(value).redacted(text)
    return _LOOKS_LIKE_A_KEY.sub("***", text)


def _secrets(holder: Any, depth: int = 2) -> set[str]:
    """Texts in fields named like ``api_key``: the model's, its headers' and its client's."""
    if isinstance(holder, Mapping):
        fields = dict(holder)
    else:
        # Private fields too: some classes hand the key to a client and keep that alone.
        fields = {**getattr(holder, "__dict__", {}), **(getattr(holder, "__pydantic_private__", None) or {})}
    found: set[str] = set()
    for name, value in fields.items():
        held = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if isinstance(held, str):
            if _NAMED_LIKE_A_KEY.search(str(name)):
                # A header holds "Bearer" and the key: either may be repeated alone.
                found |= {held, held.removeprefix("Bearer ")}
        elif depth and not isinstance(held, type):
            found |= _secrets(held, depth - 1)
    return {text for text in found if len(text) >= _SHORTEST_KEY}


def _turns(messages: Sequence[Message]) -> list[ChatMessage]:
    from llama_index.core.base.llms.types import ChatMessage, MessageRole

    return [ChatMessage(role=MessageRole(message.role), content=message.content) for message in messages]


def _reason(response: ChatResponse) -> str:
    """Why the model stopped, where the raw answer of its server says so."""
    raw = response.raw
    choices = raw.get("choices") if isinstance(raw, dict) else getattr(raw, "choices", None)
    first = choices[0] if isinstance(choices, (list, tuple)) and choices else raw
    for name in ("finish_reason", "done_reason", "stop_reason"):
        value = first.get(name) if isinstance(first, dict) else getattr(first, name, None)
        if isinstance(value, str):
            return "length" if value in ("length", "max_tokens") else value
    return ""


def _usage(raw: Any) -> Usage | None:
    """Tokens as the server counted them."""
    usage = raw.get("usage") if isinstance(raw, dict) else getattr(raw, "usage", None)
    found = []
    for name in ("prompt_tokens", "completion_tokens"):
        value = whole_number(usage.get(name) if isinstance(usage, dict) else getattr(usage, name, None))
        if value is None:
            return None
        found.append(value)
    return Usage(*found)
