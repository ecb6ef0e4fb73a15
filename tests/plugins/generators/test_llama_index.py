"""LlamaIndex's own model classes as generators: real classes of the package, run in this process."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM
from pydantic import Field, PrivateAttr

from plait.config import use
from plait.contracts import Chunk, GenerationRequest, Message, Query
from plait.contracts.errors import ConfigError, GenerationError
from plait.generators.llama_index import Config, LlamaIndexGenerator
from plait.hooks import Assembly, PluginHost
from plait.testing.conformance import GeneratorConformance

MOCK = "llama_index.core.llms:MockLLM"


class Parrot(CustomLLM):
    """Says the words it was told to, ends as it was told to, and notes how it was asked."""

    words: str = "one two three four"
    reason: str = "stop"
    fails_after: int = 99
    temperature: float = 0.7
    max_tokens: int = 7
    whole: bool = False
    api_key: str = "parrot-key-0123"
    default_headers: dict[str, str] = Field(default_factory=lambda: {"Authorization": "Bearer header-key-4567"})
    complaint: str = "the parrot flew away"
    _client: Any = PrivateAttr(default_factory=lambda: SimpleNamespace(api_key="client/key=89"))

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=64, is_chat_model=True, model_name="parrot")

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self.words)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        raise AssertionError("a chat model is asked by chat")

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        text = ""
        heard = f"{[m.role.value for m in messages]} at {self.temperature} for {self.max_tokens}"
        for number, word in enumerate(self.words.split()):
            if number == self.fails_after:
                raise ConnectionError(self.complaint)
            text += f"{word} "
            raw = {
                "choices": [{"finish_reason": self.reason}],
                "usage": {"prompt_tokens": 5, "completion_tokens": number + 1},
                "heard": heard,
            }
            message = ChatMessage(role="assistant", content=text)
            yield ChatResponse(message=message, delta=None if self.whole else f"{word} ", raw=raw)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        async def written() -> ChatResponseAsyncGen:
            for response in self.stream_chat(messages):
                await asyncio.sleep(0)
                yield response

        return written()


class TestConformance(GeneratorConformance):
    @pytest.fixture
    def generator(self) -> LlamaIndexGenerator:
        return LlamaIndexGenerator(Config(llm=MOCK))

    # The mock repeats the prompt, whatever max_tokens says: it has no tokens to count.
    def test_counts_what_it_read_and_wrote(self, generator: Any, request_: GenerationRequest) -> None:
        usage = list(generator.stream(request_))[-1].usage
        assert usage.prompt_tokens > 0
        assert usage.completion_tokens > 0


def _parrot(**arguments: Any) -> LlamaIndexGenerator:
    made = LlamaIndexGenerator(Config(llm=MOCK))
    made._llm = Parrot(**arguments)
    return made


def _ask(generator: LlamaIndexGenerator, **changes: Any) -> list[Chunk]:
    messages = (Message("system", "Be brief."), Message("user", "Say it."))
    return list(generator.stream(GenerationRequest(Query("Say it."), (), messages, **changes)))


def test_the_answer_comes_in_pieces_with_the_servers_own_counts() -> None:
    chunks = _ask(_parrot())
    assert "".join(chunk.text for chunk in chunks) == "one two three four "
    assert (chunks[-1].finish_reason, chunks[-1].usage.completion_tokens) == ("stop", 4)  # type: ignore[union-attr]
    assert chunks[-1].detail == {"model": "parrot", "tokens": "reported"}


def test_classes_that_repeat_the_whole_text_are_understood() -> None:
    assert "".join(chunk.text for chunk in _ask(_parrot(whole=True))) == "one two three four "


def test_an_answer_that_was_cut_says_so() -> None:
    assert _ask(_parrot(reason="length"))[-1].finish_reason == "length"


def test_settings_of_the_request_reach_models_that_have_them() -> None:
    generator = _parrot()
    heard: list[str] = []
    original = Parrot.stream_chat

    def listening(self: Parrot, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        for response in original(self, messages):
            heard.append(response.raw["heard"])
            yield response

    Parrot.stream_chat = listening  # type: ignore[method-assign]
    try:
        _ask(generator, temperature=0.0, max_tokens=99)
    finally:
        Parrot.stream_chat = original  # type: ignore[method-assign]
    assert heard[0] == "['system', 'user'] at 0.0 for 99"
    assert generator._llm.temperature == 0.7


def test_a_stop_text_ends_the_answer_even_across_pieces() -> None:
    chunks = _ask(_parrot(), stop=["two three"])
    assert "".join(chunk.text for chunk in chunks) == "one "
    assert chunks[-1].finish_reason == "stop"


def test_a_model_that_fails_half_way_gives_no_answer() -> None:
    stream = _parrot(fails_after=2).stream(GenerationRequest(Query("?"), (), (Message("user", "Say it."),)))
    with pytest.raises(GenerationError, match=r"ConnectionError: the parrot flew away.*not passed off"):
        list(stream)


@pytest.mark.parametrize(
    "key",
    [
        "parrot-key-0123",  # a field of the class
        "header-key-4567",
        "client/key=89",  # of a client that it keeps
        "sk-proj-0123456789abcdefghij",  # of nobody here, but it has the looks
    ],
)
@pytest.mark.parametrize("before", ["", "w " * 145])
def test_a_complaint_shows_neither_the_key_nor_the_beginning_of_it(key: str, before: str) -> None:
    generator = _parrot(fails_after=1, complaint=f"{before}\x1b[31m401, bad key {key}")
    with pytest.raises(GenerationError, match="ConnectionError") as raised:
        _ask(generator)
    shown = "".join(traceback.format_exception(raised.value))
    assert key[:6] not in shown
    assert "\x1b" not in str(raised.value)
    assert len(str(raised.value)) < 600


def test_words_of_a_complaint_stay() -> None:
    said = "model 'sky-token' has max_tokens 4096; task-manager is not a key"
    with pytest.raises(GenerationError, match=re.escape(said)):
        _ask(_parrot(fails_after=0, complaint=said))


@pytest.mark.parametrize("words", ["", "one"])
def test_a_stream_that_ends_before_its_first_word_is_no_answer(words: str) -> None:
    generator = _parrot(words=words, reason="")
    if words:
        assert _ask(generator)[-1].finish_reason == "stop"
        return
    with pytest.raises(GenerationError, match="ended before its answer began"):
        _ask(generator)

    async def all_of_it() -> list[Chunk]:
        request = GenerationRequest(Query("?"), (), (Message("user", "Say it."),))
        return [chunk async for chunk in generator.astream(request)]

    with pytest.raises(GenerationError, match="ended before its answer began"):
        asyncio.run(all_of_it())


def test_choices_and_json_are_refused_rather_than_ignored() -> None:
    with pytest.raises(GenerationError, match="one of given choices"):
        _ask(_parrot(), choices=["yes", "no"])
    with pytest.raises(GenerationError, match="JSON of a given schema"):
        _ask(_parrot(), json_schema={"type": "object"})


def test_the_event_loop_is_free_while_the_model_writes() -> None:
    async def both() -> tuple[str, int]:
        ticks = 0
        pieces = []
        request = GenerationRequest(Query("?"), (), (Message("user", "Say it."),))
        async for chunk in _parrot().astream(request):
            pieces.append(chunk.text)
            ticks += 1
        return "".join(pieces), ticks

    assert asyncio.run(both()) == ("one two three four ", 5)


@pytest.mark.parametrize(
    ("llm", "arguments", "what"),
    [
        ("llama_index.core.llms:Nothing", {}, "is no language model of LlamaIndex"),
        ("json:JSONDecoder", {}, "is no language model of LlamaIndex"),
        ("llama_index.llms.nowhere:Model", {}, "pip install llama-index-llms-nowhere"),
        (MOCK, {"api_key": {"sk-secret": 1}, "max_tokens": "many"}, "does not take these arguments"),
    ],
)
def test_a_wrong_class_is_named(llm: str, arguments: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what) as raised:
        LlamaIndexGenerator(Config(llm=llm, arguments=arguments))
    assert "sk-secret" not in str(raised.value)


def test_it_is_found_by_name() -> None:
    host = PluginHost.discover(third_party=False)
    made = Assembly(host).build("generator", use("llama-index", llm=MOCK))
    assert isinstance(made, LlamaIndexGenerator)
