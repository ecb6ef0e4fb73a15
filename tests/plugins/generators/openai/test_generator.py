"""The client of OpenAI's protocol, against a real server on loopback that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import numpy as np
import pytest

from plait.contracts import AsyncGenerator, BatchGenerator, GenerationRequest, Message, Query
from plait.contracts.errors import ConfigError, GenerationError
from plait.generators.openai.generator import Config, OpenAICompatible
from plait.testing.chat_server import ANSWER, chat_server, piece, status
from plait.testing.conformance import GeneratorConformance
from plait.testing.conformance.checks import fault_of

TURNS = (Message("system", "Be brief."), Message("user", "How many strands hold?"))


def _request(**settings):
    return GenerationRequest(Query("q"), (), TURNS, **{"max_tokens": 64, **settings})


def _text(generator, **settings):
    chunks = list(generator.stream(_request(**settings)))
    assert chunks[-1].finish_reason is not None
    return "".join(chunk.text for chunk in chunks)


@pytest.fixture
def server():
    with chat_server() as running:
        yield running


@pytest.fixture
def client(server):
    return _client(server)


def _client(server, **settings):
    return OpenAICompatible(Config(base_url=server.url, **{"retries": 0, **settings}))


def _fault(generator, **settings):
    error, shown = fault_of(generator, _request(**settings))
    assert str(error).startswith("generator openai-compatible at http://127.0.0.1:")
    return error, shown


class TestConformance(GeneratorConformance):
    @pytest.fixture
    def generator(self, client):
        return client


def test_an_answer_comes_in_pieces_with_usage_and_a_reason(client, server):
    chunks = list(client.stream(_request()))
    assert "".join(chunk.text for chunk in chunks) == ANSWER
    assert len(chunks) > 10
    assert chunks[-1].finish_reason == "stop"
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (6, 15)
    assert chunks[-1].detail == {"model": "parrot"}
    body = server.answers()[0].body
    assert (body["stream"], body["temperature"], body["max_tokens"]) == (True, 0.0, 64)
    assert "seed" not in body


def test_a_seed_is_sent_when_it_matters(client, server):
    _text(client, temperature=0.7, seed=11)
    assert (server.answers()[0].body["temperature"], server.answers()[0].body["seed"]) == (0.7, 11)


def test_a_full_answer_says_length(client):
    last = list(client.stream(_request(max_tokens=3)))[-1]
    assert (last.finish_reason, last.usage.completion_tokens) == ("length", 3)


def test_it_satisfies_the_wider_protocols(client):
    assert isinstance(client, BatchGenerator)
    assert isinstance(client, AsyncGenerator)


# Stop strings


def test_stop_strings_are_sent_and_kept_to_even_when_the_server_ignores_them(client, server):
    stops = ("\n\n", "two strands", "a", "b", "c")
    chunks = list(client.stream(_request(stop=stops)))
    assert "".join(chunk.text for chunk in chunks) == "Three str"  # the first letter of the third
    assert chunks[-1].finish_reason == "stop"
    assert server.answers()[0].body["stop"] == list(stops[:4])


# Answers of a given form


def test_choices_are_asked_for_and_come_back_bare(client, server):
    server.answer = "never said"
    assert _text(client, choices=("no", "yes")) == "no"
    form = server.answers()[0].body["response_format"]["json_schema"]
    assert form["schema"]["properties"]["choice"]["enum"] == ["no", "yes"]


def test_an_answer_that_is_no_choice_is_refused_and_never_shown(client, server):
    def free(turn, reply):
        reply.head()
        reply.send(piece("Well, it depends.", "stop") + b"data: [DONE]\n\n")

    server.faults = [free]
    error, shown = _fault(client, choices=("yes", "no"))
    assert shown == ""
    assert error.choices == ("yes", "no")


def test_a_choice_that_was_cut_off_is_not_taken_for_a_shorter_one(client, server):
    def cut(text):
        return lambda turn, reply: (reply.head(), reply.send(piece(text, "length") + b"data: [DONE]\n\n"))

    server.faults = [cut("yes"), cut('{"choice": "yes"'), cut("no"), cut('{"choice": "yes"}')]
    for _ in range(2):
        error, shown = _fault(client, choices=("yes", "yes and no", "no"))
        assert (shown, error.fix) == ("", "raise max_tokens")
        assert "cut off" in error.message
    assert _text(client, choices=("yes", "yes and no", "no")) == "no"  # no other begins so
    assert _text(client, choices=("yes", "yes and no", "no")) == "yes"  # its brace says that it is whole


def test_a_number_that_was_cut_off_is_no_answer(client, server):
    server.faults = [lambda turn, reply: (reply.head(), reply.send(piece("18", "length")))]
    assert "cut off" in _fault(client, json_schema={"type": "integer"})[0].message


SCHEMA = {"type": "object", "properties": {"year": {"type": "integer"}}, "required": ["year"]}


@pytest.mark.parametrize("wrong", ['{"year": "1843"}', "{}", '{"year": 18', "in 1843", '{"year": 1843, "more": NaN}',
                                   '{"year": 1843, "more": -Infinity}', '{"year": 1843, "more": 1e999}',
                                   "[" * 100_000])  # fmt: skip
def test_json_of_another_shape_is_refused_and_never_shown(client, server, wrong):
    def answer(text):
        return lambda turn, reply: (reply.head(), reply.send(piece(text, "stop") + b"data: [DONE]\n\n"))

    server.faults = [answer('{"year": 1843}'), answer(wrong)]
    assert json.loads(_text(client, json_schema=SCHEMA)) == {"year": 1843}
    error, shown = _fault(client, json_schema=SCHEMA)
    assert "json_schema" in error.message
    assert shown == ""


def test_a_server_without_forms_is_told_apart_from_a_bad_request(client, server):
    server.faults = [status(400, "response_format is not supported by this model")]
    assert "form" in _fault(client, choices=("yes", "no"))[0].message


def test_structured_none_refuses_without_asking(server):
    with pytest.raises(GenerationError, match="structured"):
        _text(_client(server, structured="none"), choices=("yes", "no"))
    assert server.turns == []


@pytest.mark.parametrize(
    "settings", [{"choices": ("a", "a")}, {"choices": ("",)}, {"choices": ("a",), "json_schema": {}}]
)
def test_impossible_forms_are_refused_without_asking(client, server, settings):
    with pytest.raises(GenerationError):
        _text(client, **settings)
    assert server.turns == []


def test_soft_tokens_are_refused_without_asking(client, server):
    with pytest.raises(GenerationError, match="soft tokens"):
        _text(client, soft_tokens={1: np.zeros((1, 8), dtype=np.float32)})
    assert server.turns == []


# Faults


def test_leaving_a_stream_ends_it_at_the_server(server):
    server.pause = 0.05
    stream = _client(server).stream(_request())
    next(stream)
    stream.close()
    assert server.left.wait(timeout=60)


def _threads():
    return [thread for thread in threading.enumerate() if thread.name == "plait-http"]


def test_all_questions_share_one_thread_and_their_backends_connection(server):
    client = _client(server)
    for _ in range(3):
        _text(client)
    client.generate([_request(), _request()])
    half = client.stream(_request())
    next(half)
    del half
    assert len(_threads()) == 1
    assert server.connections <= 2  # the two of the batch


def test_threads_and_event_loops_ask_side_by_side(server):
    server.pause = 0.002
    client = _client(server)

    async def ask(count):
        async def one():
            return "".join([chunk.text async for chunk in client.astream(_request())])

        return await asyncio.gather(*(one() for _ in range(count)))

    with ThreadPoolExecutor(8) as pool:
        loops = [pool.submit(asyncio.run, ask(5)) for _ in range(4)]
        plain = [pool.submit(_text, client) for _ in range(20)]
        answers = [text for loop in loops for text in loop.result()] + [text.result() for text in plain]
    assert answers == [ANSWER] * 40


def test_an_event_loop_uses_its_connection_again_and_closes_it_at_its_end(server):
    client = _client(server)

    async def ask():
        for _ in range(4):
            assert "".join([chunk.text async for chunk in client.astream(_request())]) == ANSWER
        assert server.open == 1

    for runs in (1, 2):
        asyncio.run(ask())
        assert _soon(lambda: server.open == 0)
        assert server.connections == runs


def _soon(happens):
    end = time.monotonic() + 60
    while not happens() and time.monotonic() < end:
        time.sleep(0.01)
    return happens()


def test_a_backend_that_goes_closes_its_connections(server):
    client = _client(server)
    _text(client)
    assert server.open == 1
    del client
    gc.collect()
    assert _soon(lambda: server.open == 0)


def test_cookies_are_not_kept(client, server):
    server.faults = [lambda turn, reply: reply.whole(400, {}, **{"Set-Cookie": "who=reader"})]
    _fault(client)
    _text(client)
    assert "cookie" not in server.answers()[-1].headers


def test_astream_gives_the_same_and_leaves_the_loop_free(server):
    begun, loop_went_on, in_time = threading.Event(), threading.Event(), []

    def held_up(turn, reply):
        reply.head()
        reply.send(piece("Three"))
        begun.set()
        in_time.append(loop_went_on.wait(60))
        reply.send(piece(" strands.", "stop"))

    server.faults = [held_up]
    generator = _client(server)

    async def ask():
        async def go_on():
            await asyncio.to_thread(begun.wait, 60)
            loop_went_on.set()

        going_on = asyncio.create_task(go_on())
        chunks = [chunk async for chunk in generator.astream(_request())]
        await going_on
        return chunks

    assert "".join(chunk.text for chunk in asyncio.run(ask())) == "Three strands."
    assert in_time == [True]


def test_closing_astream_ends_it_at_the_server(server):
    server.pause = 0.05
    generator = _client(server)

    async def ask():
        async with aclosing(generator.astream(_request())) as chunks:
            async for _ in chunks:
                break

    asyncio.run(ask())
    assert server.left.wait(timeout=60)


def test_cancelling_a_task_ends_it_at_the_server(server):
    server.pause = 0.05
    generator = _client(server)

    async def ask():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                async for _ in generator.astream(_request()):
                    pass

    asyncio.run(ask())
    assert server.left.wait(timeout=60)


def test_stream_works_inside_a_running_loop(client):
    async def ask():
        return _text(client)

    assert asyncio.run(ask()) == ANSWER


def test_a_batch_keeps_its_order_and_its_limit(server):
    server.pause = 0.005
    generator = _client(server, concurrency=3)
    answers = generator.generate([_request(max_tokens=count) for count in range(1, 9)])
    assert [answer.usage.completion_tokens for answer in answers] == list(range(1, 9))
    assert {answer.finish_reason for answer in answers} == {"length"}
    assert 1 < server.busiest <= 3


def test_a_batch_with_a_failure_is_no_answer_at_all(server):
    server.pause = 0.01
    server.faults = [lambda turn, reply: (reply.head(), reply.send(piece("Th")))]
    with pytest.raises(GenerationError, match="ended before"):
        _client(server, concurrency=2).generate([_request()] * 6)


def test_an_empty_batch_is_empty(client, server):
    assert client.generate([]) == []
    assert server.answers() == []


# Counting


def test_tokens_are_counted_by_the_server_where_it_can(server):
    generator = _client(server, count="server")
    assert [generator.count_tokens(TURNS) for _ in range(3)] == [6, 6, 6]
    assert sum(turn.path == "/tokenize" for turn in server.turns) == 1


def test_a_server_that_cannot_count_is_named():
    with chat_server() as server:
        generator = OpenAICompatible(Config(base_url=f"{server.url}/deeper", model="parrot", count="server", retries=0))
        with pytest.raises(GenerationError, match="/tokenize"):
            generator.count_tokens(TURNS)


def test_tokens_are_counted_by_a_local_tokenizer(server):
    from plait.generators.local.model import load_tokenizer

    counted = _client(server, tokenizer="smollm2-135m").count_tokens(TURNS)
    turns = [{"role": turn.role, "content": turn.content} for turn in TURNS]
    template = load_tokenizer("smollm2-135m", "a test").apply_chat_template(turns, tokenize=False)
    assert len(template) / 6 < counted < len(template)
    assert server.turns == []


# Settings


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://host/v1", "http://", "http://host:port/v1", 7])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ConfigError, match="not the address"):
        Config(base_url=address)


def test_settings_that_the_request_decides_cannot_be_slipped_in():
    with pytest.raises(ConfigError, match="'stream'"):
        Config(extra={"stream": False})
