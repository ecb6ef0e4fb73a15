"""The key of a server: it reaches the server, and nobody else."""

from __future__ import annotations

import json
import logging
import pickle
import traceback

import pytest

from plait.config import Pipeline, dump_toml, use
from plait.contracts import GenerationRequest, Message, Query
from plait.contracts.errors import ConfigError, GenerationError
from plait.generators.endpoint import Secret
from plait.generators.openai.generator import Config, OpenAICompatible
from plait.hooks import PluginHost
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


def _client(server, **settings):
    return OpenAICompatible(Config(base_url=server.url, **{"retries": 0, **settings}))


def _fault(generator, **settings):
    error, shown = fault_of(generator, _request(**settings))
    assert str(error).startswith("generator openai-compatible at http://127.0.0.1:")
    return error, shown


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
        status(401, echo), status(403, echo), status(400, echo), status(500, echo), status(404, f"model {echo}"),
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


def _echoes(status, body, kind="application/json"):
    return lambda turn, reply: reply.whole(status, body, kind)


LONG = "w " * 145
"""As long as what is shown of a complaint, but for the beginning of a key."""


@pytest.mark.parametrize(
    "fault",
    [
        _echoes(401, {"error": {"message": f"{LONG}{KEY} is wrong"}}),
        _echoes(400, {"error": {"message": [f"{LONG}{KEY}"]}}),
        _echoes(500, f"{LONG}<b>{KEY}</b>".encode(), "text/html"),
        _echoes(200, b"", f"x/{KEY}"),
        lambda turn, reply: (reply.head(), reply.send(piece("Three", KEY))),
        lambda turn, reply: (reply.head(), reply.send(piece("Three", "w " * 18 + KEY))),
        lambda turn, reply: (reply.head(), reply.send(event({"error": {"message": f"{LONG}{KEY}"}}))),
        lambda turn, reply: (reply.head(), reply.send(piece(f"not {KEY}", "stop"))),
    ],
)
def test_no_complaint_shows_the_key_or_the_beginning_of_it(keyed, server, fault):
    server.faults = [fault]
    with pytest.raises(GenerationError) as caught:
        list(keyed.stream(_request(choices=("yes", "no"))))
    assert "very" not in "".join(traceback.format_exception(caught.value)).casefold()


def test_models_named_like_the_key_are_not_listed(keyed, server, monkeypatch):
    async def served(exchange, url, body=None):
        return {"data": [{"id": KEY}, {"id": "parrot"}]}

    monkeypatch.setattr("plait.generators.openai.client.Client.fetch", served)
    assert _fault(keyed)[0].choices == ("***", "parrot")
    unknown = _client(server, model="cockatoo", api_key_env=keyed.config.api_key_env)
    assert _fault(unknown)[0].choices == ("***", "parrot")


def test_a_key_is_recognised_in_json_and_in_addresses():
    key = Secret('a"b\\c/d%')
    for form in ('a"b\\c/d%', json.dumps('a"b\\c/d%'), "a%22b%5Cc%2Fd%25"):
        assert "c" not in key.redacted(form)


def test_the_key_is_in_nothing_that_is_printed_or_stored(keyed):
    pipeline = Pipeline(generator=use("openai-compatible", api_key_env="PARROT_KEY"))
    for shown in (repr(keyed.config), keyed.config.model_dump_json(), dump_toml(pipeline), repr(keyed.endpoint),
                  repr(vars(keyed.client)), repr(vars(keyed))):  # fmt: skip
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
