"""Both vLLM generators on the real engine: what has to hold in this process and over HTTP alike."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import numpy as np
import pytest

from plait.contracts import AsyncGenerator, BatchGenerator, EmbeddingGenerator
from plait.contracts.errors import GenerationError
from plait.testing.conformance import GeneratorConformance

pytest.importorskip("vllm", reason="needs the environment of 'make vllm'; 'make test-vllm' runs this")

from plait.generators.openai.generator import Config as OpenAIConfig
from plait.generators.openai.generator import OpenAICompatible
from plait.generators.vllm.generator import Config as VllmConfig
from plait.generators.vllm.generator import Vllm
from plait.generators.vllm.server import Config as ServerConfig
from plait.generators.vllm.server import VllmServer


@pytest.fixture(scope="session")
def in_process():
    generator = Vllm(VllmConfig(window=2048, soft_tokens=1))
    yield generator
    generator.close()


@pytest.fixture(scope="session")
def over_http(server_url):
    return VllmServer(ServerConfig(base_url=server_url, soft_tokens=1))


@pytest.fixture(params=["in_process", "over_http"])
def generator(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def plain_http(server_url):
    return OpenAICompatible(OpenAIConfig(base_url=server_url, count="server"))


class TestInProcessConformance(GeneratorConformance):
    @pytest.fixture
    def generator(self, in_process):
        return in_process


class TestServerConformance(GeneratorConformance):
    @pytest.fixture
    def generator(self, over_http):
        return over_http


class TestOpenAICompatibleConformance(GeneratorConformance):
    @pytest.fixture
    def generator(self, plain_http):
        return plain_http


def _answer(chunks):
    chunks = list(chunks)
    return "".join(chunk.text for chunk in chunks), chunks[-1]


def _vectors(generator, number, size=1.0):
    space = generator.embedding_space()
    random = np.random.default_rng(number)
    return {1: (size * space.rms * random.standard_normal((1, space.width))).astype(np.float32)}


def test_they_satisfy_the_wider_protocols(generator):
    for protocol in (BatchGenerator, AsyncGenerator, EmbeddingGenerator):
        assert isinstance(generator, protocol)


@pytest.mark.parametrize("number", range(4))
def test_the_prompt_rendered_here_is_the_one_the_server_renders(over_http, plain_http, ask, number):
    request = ask(number)
    marked, served = over_http.count_tokens(request.messages), plain_http.count_tokens(request.messages)
    assert marked == served + 1


def test_both_backends_answer_alike(in_process, over_http, ask):
    requests = [ask(number, soft_tokens=_vectors(in_process, number)) for number in range(4)]
    local = [_answer(in_process.stream(request))[0] for request in requests]
    assert local == [_answer(over_http.stream(request))[0] for request in requests]


def test_soft_tokens_of_zero_change_nothing(generator, ask):
    space = generator.embedding_space()
    zeros = {1: np.zeros((1, space.width), dtype=np.float32)}
    assert _answer(generator.stream(ask(0, soft_tokens=zeros)))[0] == _answer(generator.stream(ask(0)))[0]


def test_sixteen_prompts_with_soft_tokens_run_as_a_batch(generator, ask):
    requests = [ask(number, soft_tokens=_vectors(generator, number), max_tokens=12) for number in range(16)]
    answers = generator.generate(requests)
    assert len(answers) == 16
    for request, answer in zip(requests, answers, strict=True):
        assert answer.text.strip()
        assert answer.usage.prompt_tokens == generator.count_tokens(request.messages)
        assert 0 < answer.usage.completion_tokens <= 12


def test_prompts_that_differ_in_one_soft_token_are_not_mistaken_for_each_other(generator, ask):
    """Prompts with the same tokens behind each other: the prefix cache must tell them apart by their vectors."""
    strong = _vectors(generator, 1, size=8.0)
    first = _answer(generator.stream(ask(0, soft_tokens=strong)))[0]
    plain = _answer(generator.stream(ask(0)))[0]
    again = _answer(generator.stream(ask(0, soft_tokens=strong)))[0]
    assert first == again
    assert _answer(generator.stream(ask(0)))[0] == plain
    others = {_answer(generator.stream(ask(0, soft_tokens=_vectors(generator, n, size=8.0))))[0] for n in range(8)}
    assert len(others | {plain}) > 1


def test_choices_and_schemas_are_kept_to(generator, ask):
    assert _answer(generator.stream(ask(0, choices=("Rome", "Paris"))))[0] == "Paris"
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"],
              "additionalProperties": False}  # fmt: skip
    assert set(json.loads(_answer(generator.stream(ask(0, json_schema=schema, max_tokens=64)))[0])) == {"city"}


def test_choices_work_behind_soft_tokens(generator, ask):
    request = ask(0, choices=("Rome", "Paris"), soft_tokens=_vectors(generator, 3, size=0.1))
    assert _answer(generator.stream(request))[0] == "Paris"


def test_choices_work_by_response_format_too(plain_http, ask):
    assert _answer(plain_http.stream(ask(0, choices=("Rome", "Paris"), max_tokens=48)))[0] == "Paris"


def test_a_stop_string_ends_the_answer_and_is_not_shown(generator, ask):
    text, last = _answer(generator.stream(ask(0, stop=("France",))))
    assert "France" not in text
    assert text
    assert last.finish_reason == "stop"


def test_sampling_depends_on_the_seed(generator, ask):
    def sampled(seed):
        return _answer(generator.stream(ask(3, temperature=1.5, seed=seed)))[0]

    assert sampled(5) == sampled(5)
    assert len({sampled(seed) for seed in range(6)}) > 1


def test_astream_gives_the_same(generator, ask):
    async def collect():
        return [chunk async for chunk in generator.astream(ask(1))]

    assert _answer(asyncio.run(collect()))[0] == _answer(generator.stream(ask(1)))[0]


def test_a_stream_left_half_way_leaves_the_engine_free(generator, ask):
    async def first():
        async with aclosing(generator.astream(ask(0, max_tokens=200))) as chunks:
            return (await anext(chunks)).text

    assert asyncio.run(first())
    half = generator.stream(ask(1))
    next(half)
    whole = _answer(generator.stream(ask(2)))[0]
    assert whole == _answer(generator.stream(ask(2)))[0]
    half.close()


BAD = {
    "wrong width": np.zeros((1, 31), dtype=np.float32),
    "not a number": np.full((1, 576), np.nan, dtype=np.float32),
    "infinite": np.full((1, 576), np.inf, dtype=np.float32),
    "too many": np.zeros((2, 576), dtype=np.float32),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_soft_tokens_are_refused_and_the_engine_goes_on(generator, ask, kind):
    before = _answer(generator.stream(ask(0)))[0]
    with pytest.raises(GenerationError):
        list(generator.stream(ask(0, soft_tokens={1: BAD[kind]})))
    with pytest.raises(GenerationError):
        generator.generate([ask(0), ask(1, soft_tokens={1: BAD[kind]})])
    assert _answer(generator.stream(ask(0)))[0] == before


def test_a_prompt_too_long_for_the_window_is_refused_and_the_engine_goes_on(generator, ask):
    with pytest.raises(GenerationError, match="window"):
        list(generator.stream(ask(0, max_tokens=3000)))
    assert _answer(generator.stream(ask(0)))[0]


def test_the_window_is_the_engines(generator):
    assert generator.context_tokens == 2048


def test_an_unknown_model_is_answered_with_those_served(server_url, ask):
    with pytest.raises(GenerationError) as caught:
        list(VllmServer(ServerConfig(base_url=server_url, model="cockatoo")).stream(ask()))
    assert caught.value.choices == ("smollm2-135m",)


def test_the_space_is_that_of_the_transformers_generator(in_process, over_http):
    from plait.generators.local.generator import Config as Local
    from plait.generators.local.generator import Transformers

    expected = Transformers(Local()).embedding_space()
    assert in_process.embedding_space().model == over_http.embedding_space().model == expected.model
    assert in_process.embedding_space().width == expected.width


def test_a_closed_engine_starts_anew(in_process, ask):
    before = _answer(in_process.stream(ask(0)))[0]
    in_process.close()
    assert _answer(in_process.stream(ask(0)))[0] == before
