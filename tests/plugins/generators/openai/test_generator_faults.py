"""The client of OpenAI's protocol, against a real server on loopback that misbehaves on purpose."""

from __future__ import annotations

import gzip
import socket
import time

import pytest

from plait.contracts import GenerationRequest, Message, Query
from plait.generators.openai.generator import Config, OpenAICompatible
from plait.testing.chat_server import ANSWER, chat_server, event, piece, status
from plait.testing.conformance.checks import fault_of

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
    return OpenAICompatible(Config(base_url=server.url, **{"retries": 0, **settings}))


def _fault(generator, **settings):
    error, shown = fault_of(generator, _request(**settings))
    assert str(error).startswith("generator openai-compatible at http://127.0.0.1:")
    return error, shown


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
    server.faults = [lambda turn, reply: reply.wait(60)]
    error, _ = _fault(_client(server, idle_seconds=1.5))
    assert "did not begin to answer for idle_seconds = 1.5" in error.message


def test_a_server_that_falls_silent_in_the_middle_is_given_up(server):
    def silent(turn, reply):
        reply.head()
        reply.send(piece("Three"))
        reply.wait(60)

    server.faults = [silent]
    error, shown = _fault(_client(server, idle_seconds=1.5))
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
    chunks = _client(server, total_seconds=2.0).stream(_request())
    text = next(chunks).text
    time.sleep(2.5)
    assert text + "".join(chunk.text for chunk in chunks) == ANSWER


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
             b'data: {"choices": [{"delta": {"content": 5}}]}\n\n', b"data: " + b"[" * 100_000 + b"\n\n", event({}),
             b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n'],
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


def test_a_compressed_answer_is_not_unpacked(client, server):
    packed = gzip.compress(piece("Three.", "stop"))
    server.faults = [lambda turn, reply: (reply.head(**{"Content-Encoding": "gzip"}), reply.send(packed))]
    assert "damaged" in _fault(client)[0].message


def test_an_answer_without_end_is_cut_off(client, server, monkeypatch):
    def flood(turn, reply):
        reply.head()
        for _ in range(100):
            reply.send(piece("x" * 1000))

    monkeypatch.setattr("plait.generators.openai.client._ANSWER_LIMIT", 50_000)
    server.faults = [flood]
    assert "more than 50,000 bytes" in _fault(client)[0].message


def test_a_server_that_stays_on_the_line_after_done_does_not_hold_the_answer_up(client, server):
    def lingering(turn, reply):
        reply.head()
        reply.send(piece("Three.", "stop") + b"data: [DONE]\n\n")
        reply.wait(60)

    server.faults = [lingering]
    started = time.monotonic()
    assert _text(client) == "Three."
    assert time.monotonic() - started < 30


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
    server.faults = [status(code, "busy")]
    assert _text(_client(server, retries=1)) == ANSWER
    assert len(server.answers()) == 2


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_tries_are_bounded_and_counted(server, code):
    server.faults = [status(code, "busy")] * 5
    error, _ = _fault(_client(server, retries=1))
    assert f"({code}: busy); tried 2 times" in error.message
    assert len(server.answers()) == 2


def test_nothing_is_tried_again_once_text_was_shown(server):
    server.faults = [lambda turn, reply: (reply.head(), reply.send(piece("Three")))]
    _fault(_client(server, retries=3))
    assert len(server.answers()) == 1


@pytest.mark.parametrize("code", [400, 404, 422])
def test_what_will_not_pass_is_not_tried_again(server, code):
    server.faults = [status(code, "bad tea")] * 2
    assert "bad tea" in _fault(_client(server, retries=3))[0].message
    assert len(server.answers()) == 1


def test_retry_after_is_honoured(server):
    server.faults = [status(429, "later", **{"Retry-After": "1.5"})]
    started = time.monotonic()
    assert _text(_client(server, retries=1)) == ANSWER
    assert time.monotonic() - started >= 1.5


def test_a_wait_longer_than_the_total_is_not_begun(server):
    server.faults = [status(503, "down", **{"Retry-After": "3600"})]
    error, _ = _fault(_client(server, retries=3, total_seconds=30))
    assert "due in 3600 s" in error.message


def test_no_quota_is_not_tried_again(server):
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    server.faults = [lambda turn, reply: reply.whole(429, body)]
    assert "no quota" in _fault(_client(server, retries=3))[0].message
    assert len(server.answers()) == 1


def test_a_prompt_too_long_for_the_window_says_what_to_lower(client, server):
    server.faults = [status(400, "This model's maximum context length is 4096 tokens. However, ...")]
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
    server.faults = [status(400, "red \x1b[31m alert\r\n" + "x" * 2000)]
    message = _fault(client)[0].message
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.parametrize("reason", [{"stop": 1}, ["stop"], 7, True])
def test_a_reason_for_the_end_that_is_no_text_is_damage(client, server, reason):
    server.faults = [lambda turn, reply: (reply.head(), reply.send(piece("Three", reason)))]
    message = _fault(client)[0].message
    assert "damaged: choices.0.finish_reason" in message
    assert "string" in message


@pytest.mark.parametrize("said", [b"[" * 60_000, b'{"error":' * 10_000, b'{"error": {"code": [], "message": {"a": 1}}}',
                                  b"<" * 65_000, b'{"error": NaN}', b"\xff\xfe"])  # fmt: skip
@pytest.mark.parametrize(("code", "tries"), [(500, 2), (400, 1)])
def test_an_error_body_of_any_shape_is_an_error_that_is_tried_again_if_it_may_pass(server, code, tries, said):
    server.faults = [lambda turn, reply: reply.whole(code, said)] * 2
    error, _ = _fault(_client(server, retries=1))
    assert f"({code}" in error.message
    assert len(error.message) < 500
    assert len(server.answers()) == tries


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2015 07:28:00 +99999999999999", "Wed, 21 Oct 99999 07:28:00 GMT",
                                    "nan", "-5", "soon", ""])  # fmt: skip
def test_a_date_outside_the_calendar_is_no_date_to_wait_for(server, header):
    server.faults = [status(429, "later", **{"Retry-After": header})]
    assert _text(_client(server, retries=1)) == ANSWER


@pytest.mark.parametrize("usage", [{"prompt_tokens": True, "completion_tokens": 3}, [1, 2], "much",
                                   {"prompt_tokens": -1, "completion_tokens": 3}])  # fmt: skip
def test_counts_that_are_no_counts_are_left_out(client, server, usage):
    last = event({"choices": [], "usage": usage, "model": ["parrot"]})
    server.faults = [lambda turn, reply: (reply.head(), reply.send(piece("Three.", "stop") + last))]
    assert list(client.stream(_request()))[-1].usage is None
