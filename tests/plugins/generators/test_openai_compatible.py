"""The client of OpenAI's protocol, against a real server on loopback that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import socket
import threading
import time
import traceback
from contextlib import aclosing

import numpy as np
import pytest

from plait.config import Pipeline, dump_toml, use
from plait.contracts import AsyncGenerator, BatchGenerator, GenerationRequest, Message, Query
from plait.contracts.errors import ConfigError, GenerationError
from plait.generators.openai_compatible import Config, OpenAICompatible
from plait.hooks import PluginHost
from plait.testing.chat_server import ANSWER, chat_server, event, piece
from plait.testing.conformance import GeneratorConformance

KEY = "sk-Very.Secret-0123456789"
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
    return OpenAICompatible(Config(base_url=server.url, **{"retries": 0, "idle_seconds": 5, **settings}))


def _fault(generator, **settings):
    """The error of a request, and how much of an answer was shown before."""
    shown = ""
    started = time.monotonic()
    with pytest.raises(GenerationError) as caught:
        for chunk in generator.stream(_request(**settings)):
            shown += chunk.text
            assert chunk.finish_reason is None, "a broken answer was passed off as whole"
    assert time.monotonic() - started < 10
    assert str(caught.value).startswith("generator openai-compatible at http://127.0.0.1:")
    return caught.value, shown


def _status(code, said="", **headers):
    return lambda turn, reply: reply.whole(code, {"error": {"message": said}}, **headers)


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


SCHEMA = {"type": "object", "properties": {"year": {"type": "integer"}}, "required": ["year"]}


@pytest.mark.parametrize("wrong", ['{"year": "1843"}', "{}", '{"year": 18', "in 1843"])
def test_json_of_another_shape_is_refused_and_never_shown(client, server, wrong):
    def answer(text):
        return lambda turn, reply: (reply.head(), reply.send(piece(text, "stop") + b"data: [DONE]\n\n"))

    server.faults = [answer('{"year": 1843}'), answer(wrong)]
    assert json.loads(_text(client, json_schema=SCHEMA)) == {"year": 1843}
    error, shown = _fault(client, json_schema=SCHEMA)
    assert "json_schema" in error.message
    assert shown == ""


def test_a_server_without_forms_is_told_apart_from_a_bad_request(client, server):
    server.faults = [_status(400, "response_format is not supported by this model")]
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


def test_a_server_that_is_down_is_tried_a_few_times_and_then_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    generator = OpenAICompatible(Config(base_url=address, model="parrot", retries=1))
    error, _ = _fault(generator)
    assert "no connection" in error.message
    assert "tried 2 times" in error.message
    assert "start the server" in error.fix


def test_a_server_that_never_answers_is_given_up(server):
    server.faults = [lambda turn, reply: reply.wait(8)]
    error, _ = _fault(_client(server, idle_seconds=0.3))
    assert "did not begin to answer for idle_seconds = 0.3" in error.message


def test_a_server_that_falls_silent_in_the_middle_is_given_up(server):
    def silent(turn, reply):
        reply.head()
        reply.send(piece("Three"))
        reply.wait(8)

    server.faults = [silent]
    error, shown = _fault(_client(server, idle_seconds=0.3))
    assert "stopped sending in the middle" in error.message
    assert shown == "Three"


def test_a_server_that_trickles_for_ever_is_given_up(server):
    def trickle(turn, reply):
        reply.head()
        while True:
            reply.send(b": still here\n")
            time.sleep(0.05)

    server.faults = [trickle]
    error, _ = _fault(_client(server, total_seconds=0.5))
    assert "total_seconds = 0.5" in error.message


def test_headers_that_trickle_for_ever_are_given_up(server):
    def trickle(turn, reply):
        reply.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            reply.send(b"X-More: a\r\n")
            time.sleep(0.05)

    server.faults = [trickle]
    error, _ = _fault(_client(server, total_seconds=0.5))
    assert "total_seconds = 0.5" in error.message


def test_a_slow_reader_does_not_use_up_the_servers_time(server):
    generator = _client(server, total_seconds=1.0)
    text = ""
    for chunk in generator.stream(_request()):
        time.sleep(0.1)  # 1.6 seconds in all
        text += chunk.text
    assert text == ANSWER


@pytest.mark.parametrize("last", [b"", b"data: [DONE]\n\n", b'data: {"choices": [{"del'])
def test_an_answer_without_a_reason_for_its_end_is_none(client, server, last):
    def dying(turn, reply):
        reply.head()
        reply.send(piece("Three") + piece(" strands") + last)

    server.faults = [dying]
    error, shown = _fault(client)
    assert "ended before the answer did" in error.message
    assert shown == "Three strands"


def test_a_connection_reset_in_the_middle_is_an_error(client, server):
    def dying(turn, reply):
        reply.head(**{"Content-Length": "100000"})
        reply.send(piece("Three"))
        time.sleep(0.1)
        reply.reset()

    server.faults = [dying]
    error, shown = _fault(client)
    assert "ended in the middle" in error.message
    assert shown == "Three"


def test_a_reset_before_the_answer_is_tried_again(server):
    server.faults = [lambda turn, reply: reply.reset()]
    assert _text(_client(server, retries=1)) == ANSWER


def test_a_reason_without_done_is_a_whole_answer(client, server):
    server.faults = [lambda turn, reply: (reply.head(), reply.send(piece("Three.", "stop")))]
    assert _text(client) == "Three."


@pytest.mark.parametrize(
    "data", [b"data: {oops\n\n", b"data: \xff\xfe\n\n", b"data: 3\n\n", b'data: {"choices": [7]}\n\n',
             b'data: {"choices": [{"delta": {"content": 5}}]}\n\n', b"data: " + b"[" * 100_000 + b"\n\n", event({})],
)  # fmt: skip
def test_malformed_events_are_errors(client, server, data):
    server.faults = [lambda turn, reply: (reply.head(), reply.send(piece("Three") + data))]
    error, shown = _fault(client)
    assert "damaged" in error.message
    assert shown in {"", "Three"}  # what came in the same packet as the damage may be lost with it


def test_an_event_without_end_is_cut_off(client, server):
    def flood(turn, reply):
        reply.head()
        reply.send(b"data: ")
        for _ in range(100):
            reply.send(b"x" * 100_000)

    server.faults = [flood]
    error, _ = _fault(client)
    assert "more than 4,194,304 bytes" in error.message


def test_a_page_of_html_is_not_an_answer(client, server):
    server.faults = [lambda turn, reply: reply.whole(200, b"<html>Welcome</html>", kind="text/html")]
    assert "/v1" in _fault(client)[0].fix


def test_an_answer_in_one_piece_is_taken_too(client, server):
    whole = {"choices": [{"message": {"role": "assistant", "content": "Three."}, "finish_reason": "stop"}]}
    server.faults = [lambda turn, reply: reply.whole(200, whole)]
    assert _text(client) == "Three."


def test_an_error_inside_the_stream_is_an_error(client, server):
    server.faults = [
        lambda turn, reply: (reply.head(), reply.send(piece("Three") + event({"error": {"message": "out of memory"}})))
    ]
    assert "out of memory" in _fault(client)[0].message


def test_an_answer_that_a_filter_took_is_an_error(client, server):
    server.faults = [lambda turn, reply: (reply.head(), reply.send(piece("Three", "content_filter")))]
    assert "content_filter" in _fault(client)[0].message


def test_a_refusal_of_the_model_is_a_declined_answer(client, server):
    choice = {"delta": {"refusal": "I cannot."}, "finish_reason": None}
    server.faults = [lambda turn, reply: (reply.head(), reply.send(event({"choices": [choice]}) + piece("", "stop")))]
    assert list(client.stream(_request()))[-1].finish_reason == "declined"


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(server, code):
    server.faults = [_status(code, "busy")]
    assert _text(_client(server, retries=1)) == ANSWER
    assert len(server.answers()) == 2


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_tries_are_bounded_and_counted(server, code):
    server.faults = [_status(code, "busy")] * 5
    error, _ = _fault(_client(server, retries=1))
    assert f"({code}: busy); tried 2 times" in error.message
    assert len(server.answers()) == 2


def test_nothing_is_tried_again_once_text_was_shown(server):
    server.faults = [lambda turn, reply: (reply.head(), reply.send(piece("Three")))]
    _fault(_client(server, retries=3))
    assert len(server.answers()) == 1


@pytest.mark.parametrize("code", [400, 404, 422])
def test_what_will_not_pass_is_not_tried_again(server, code):
    server.faults = [_status(code, "bad tea")] * 2
    assert "bad tea" in _fault(_client(server, retries=3))[0].message
    assert len(server.answers()) == 1


def test_retry_after_is_honoured(server):
    server.faults = [_status(429, "later", **{"Retry-After": "1.5"})]
    started = time.monotonic()
    assert _text(_client(server, retries=1)) == ANSWER
    assert time.monotonic() - started >= 1.5


def test_a_wait_longer_than_the_total_is_not_begun(server):
    server.faults = [_status(503, "down", **{"Retry-After": "3600"})]
    error, _ = _fault(_client(server, retries=3, total_seconds=30))
    assert "due in 3600 s" in error.message


def test_no_quota_is_not_tried_again(server):
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    server.faults = [lambda turn, reply: reply.whole(429, body)]
    assert "no quota" in _fault(_client(server, retries=3))[0].message
    assert len(server.answers()) == 1


def test_a_prompt_too_long_for_the_window_says_what_to_lower(client, server):
    server.faults = [_status(400, "This model's maximum context length is 4096 tokens. However, ...")]
    assert "answer.prompt_tokens" in _fault(client)[0].fix


def test_an_unknown_model_is_answered_with_those_served(server):
    error, _ = _fault(_client(server, model="cockatoo"))
    assert error.choices == ("parrot",)
    assert "'cockatoo'" in error.message


def test_a_redirect_is_not_followed(client, server):
    server.faults = [lambda turn, reply: reply.whole(307, {}, Location="http://example.invalid/v1/chat/completions")]
    assert "redirects" in _fault(client)[0].message


def test_a_base_url_without_v1_says_so(server):
    generator = OpenAICompatible(Config(base_url=server.url.removesuffix("/v1"), model="parrot", retries=0))
    assert "/v1" in _fault(generator)[0].fix


def test_control_characters_of_the_server_do_not_reach_the_terminal(client, server):
    server.faults = [_status(400, "red \x1b[31m alert\r\n" + "x" * 2000)]
    message = _fault(client)[0].message
    assert message.isprintable()
    assert len(message) < 500


# Leaving early, several at once, event loops


def test_leaving_a_stream_ends_it_at_the_server(server):
    server.pause = 0.05
    stream = _client(server).stream(_request())
    next(stream)
    stream.close()
    assert server.left.wait(timeout=5)


def test_no_thread_stays_behind(client):
    before = threading.active_count()
    for _ in range(3):
        _text(client)
    half = client.stream(_request())
    next(half)
    del half
    assert not [thread for thread in threading.enumerate() if thread.name == "plait-http"]
    assert threading.active_count() <= before + 3  # the server's own


def test_astream_gives_the_same_and_leaves_the_loop_free(server):
    server.pause = 0.01
    generator = _client(server)

    async def ask():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        ticking = asyncio.create_task(tick())
        chunks = [chunk async for chunk in generator.astream(_request())]
        ticking.cancel()
        return chunks, ticks

    chunks, ticks = asyncio.run(ask())
    assert "".join(chunk.text for chunk in chunks) == ANSWER
    assert ticks > 10


def test_closing_astream_ends_it_at_the_server(server):
    server.pause = 0.05
    generator = _client(server)

    async def ask():
        async with aclosing(generator.astream(_request())) as chunks:
            async for _ in chunks:
                break

    asyncio.run(ask())
    assert server.left.wait(timeout=5)


def test_cancelling_a_task_ends_it_at_the_server(server):
    server.pause = 0.05
    generator = _client(server)

    async def ask():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                async for _ in generator.astream(_request()):
                    pass

    asyncio.run(ask())
    assert server.left.wait(timeout=5)


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
    from plait.generators.local_tokenizer import local_tokenizer

    counted = _client(server, tokenizer="smollm2-135m").count_tokens(TURNS)
    turns = [{"role": turn.role, "content": turn.content} for turn in TURNS]
    template = local_tokenizer("smollm2-135m", "a test").apply_chat_template(turns, tokenize=False)
    assert len(template) / 6 < counted < len(template)
    assert server.turns == []


# The key


@pytest.fixture
def keyed(server, monkeypatch):
    monkeypatch.setenv("PARROT_KEY", KEY)
    server.key = KEY
    return _client(server, api_key_env="PARROT_KEY")


def test_the_key_reaches_the_server(keyed, server):
    assert _text(keyed) == ANSWER
    assert server.answers()[0].headers["authorization"] == f"Bearer {KEY}"


def test_another_header_takes_the_bare_key(server, monkeypatch):
    monkeypatch.setenv("PARROT_KEY", KEY)
    _text(_client(server, api_key_env="PARROT_KEY", api_key_header="api-key"))
    assert server.answers()[0].headers["api-key"] == KEY


def test_no_error_of_any_kind_shows_the_key(keyed, server, caplog):
    caplog.set_level(logging.DEBUG)
    echo = f"the key Bearer {KEY} is wrong"
    server.faults = [
        _status(401, echo), _status(403, echo), _status(400, echo), _status(500, echo), _status(404, f"model {echo}"),
        lambda turn, reply: (reply.head(), reply.send(event({"error": {"message": echo}}))),
        lambda turn, reply: reply.reset(),
        lambda turn, reply: reply.wait(8),
        lambda turn, reply: reply.send(b"this is not HTTP\r\n\r\n"),
        lambda turn, reply: (reply.head(**{"Content-Length": "99"}), reply.reset()),
    ]  # fmt: skip
    generator = OpenAICompatible(keyed.config.model_copy(update={"idle_seconds": 0.3}))
    for _ in range(len(server.faults)):
        error, _ = _fault(generator)
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        for shown in (str(error), repr(error), repr(vars(error)), "".join(told.format())):
            assert KEY not in shown
        seen = error
        while seen is not None:  # what a debugger or an error service would walk
            assert KEY not in repr(getattr(getattr(seen, "request", None), "headers", ""))
            seen = seen.__cause__ or seen.__context__
    assert KEY not in caplog.text


def test_the_key_is_in_nothing_that_is_printed_or_stored(keyed):
    pipeline = Pipeline(generator=use("openai-compatible", api_key_env="PARROT_KEY"))
    for shown in (repr(keyed.config), keyed.config.model_dump_json(), dump_toml(pipeline), repr(keyed.endpoint),
                  repr(vars(keyed))):  # fmt: skip
        assert KEY not in shown
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(keyed.endpoint)


def test_a_missing_key_is_named_by_its_variable(server, monkeypatch):
    monkeypatch.delenv("PARROT_KEY", raising=False)
    with pytest.raises(GenerationError, match="PARROT_KEY is not set"):
        _client(server, api_key_env="PARROT_KEY")


def test_a_key_with_a_line_break_is_refused_without_showing_it(server, monkeypatch):
    monkeypatch.setenv("PARROT_KEY", f"{KEY}\nX-More: 1")
    with pytest.raises(GenerationError) as caught:
        _client(server, api_key_env="PARROT_KEY")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{"api_key": KEY}, {"api_key_env": KEY}, {"api_key_env": [KEY]},
                 {"base_url": f"https://user:{KEY}@host/v1"}, {"base_url": f"https://host/v1?key={KEY}"},
                 {"base_url": f"host?key={KEY}"}],
)  # fmt: skip
def test_a_key_written_into_the_settings_is_refused_without_showing_it(settings):
    host = PluginHost.discover(third_party=False)
    with pytest.raises(ConfigError) as caught:
        host.settings("generator", use("openai-compatible", **settings))
    assert KEY not in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://host/v1", "http://", "http://host:port/v1", 7])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ConfigError, match="not the address"):
        Config(base_url=address)


def test_settings_that_the_request_decides_cannot_be_slipped_in():
    with pytest.raises(ConfigError, match="'stream'"):
        Config(extra={"stream": False})
