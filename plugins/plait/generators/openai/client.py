"""Requests to a server: sent, waited for within limits, tried again while nothing has come, read event by event."""

from __future__ import annotations

import threading
from codecs import getincrementaldecoder
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from secrets import SystemRandom
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from plait.config import require
from plait.generators.endpoint import Endpoint
from plait.generators.openai.faults import ServerError, damaged, refusal
from plait.generators.structured import parsed

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    import httpx2

__all__ = ["Client", "Limits"]

T = TypeVar("T")
_EVENT_LIMIT = 4 * 2**20
_ANSWER_LIMIT = 64 * 2**20
_ERROR_LIMIT = 64 * 2**10
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 16.0
_UNUSED_SECONDS = 4.0
"""How long a connection is kept for the next request: less than the 5 seconds after which uvicorn, and so vLLM, may
close it in the very moment in which it is used."""
_LAST_SECONDS = 0.5
"""How long to wait for the end behind a ``[DONE]``: only a connection that was read to its end is used again."""
_uniform = SystemRandom().uniform


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds of waiting for the server.

    Args:
        connect: for a connection.
        idle: for the next bytes of an answer, the first ones included.
        total: for the whole answer, retries and the waits before them included.
        retries: how often a request that failed before its first piece is sent again.
    """

    connect: float
    idle: float
    total: float
    retries: int


class _Budget:
    """What is left of the total waiting time of one request."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    async def wait(self, work: Awaitable[T]) -> T:
        """What ``work`` gives.

        Raises:
            TimeoutError: it took longer than what is left.
        """
        import asyncio

        started = monotonic()
        try:
            async with asyncio.timeout(max(0.0, self.left)):
                return await work
        finally:
            self.left -= monotonic() - started


class Client:
    """Requests to one server, from any thread and any event loop.

    Each event loop has an HTTP client of its own, so that connections are used again; it is closed when the loop is, or
    when this object goes. Redirects are not followed, since the key would travel with them, and cookies are not kept.
    A proxy from the environment is used, except for servers on this machine.

    Args:
        endpoint: the server.
        limits: how long to wait.
    """

    def __init__(self, endpoint: Endpoint, limits: Limits) -> None:
        self.endpoint = endpoint
        self._limits = limits
        self._lock = threading.Lock()
        self._clients: dict[AbstractEventLoop, tuple[httpx2.AsyncClient, AsyncGenerator[None, None]]] = {}

    async def fetch(self, url: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON that a URL gives: by GET, or by POST where there is a body.

        Raises:
            ServerError: it could not be had; requests that may pass are retried.
        """
        try:
            async with aclosing(self._attempts(url, body, streamed=False)) as pieces:
                async for piece in pieces:
                    return parsed(piece)
        except ValueError:
            pass
        raise damaged(self.endpoint, "it sent what is not JSON")

    def events(self, url: str, body: Mapping[str, Any]) -> AsyncGenerator[str | bytes, None]:
        """The data of each event that the server streams in answer to a POST, up to its ``[DONE]``.

        A server that answers in one piece gives one event. Whether the answer is whole is for the reader to say: the
        connection may end at any event. Closing the iterator early closes the connection, which ends the answer at the
        server.

        Raises:
            ServerError: the request failed. It is retried only while no event has come.
        """
        return self._attempts(url, body, streamed=True)

    async def _attempts(self, url: str, body: Any, *, streamed: bool) -> AsyncGenerator[str | bytes, None]:
        import asyncio

        budget = _Budget(self._limits.total)
        tried = 0
        while True:
            tried += 1
            begun = False
            try:
                async with aclosing(self._attempt(url, body, budget, streamed)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except ServerError as error:
                fault = error
            # Raised out here, so that it carries no chain: the library's errors hold the request with its headers.
            if begun or not fault.retry or tried > self._limits.retries:
                note = f"; tried {tried} times" if tried > 1 else ""
                raise _final(fault, note)
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (tried - 1))
            # Half of each wait is random, so that clients that failed together do not come back together.
            wait = max(_uniform(wait / 2, wait), fault.wait or 0.0)
            if wait >= budget.left:
                left = max(0.0, budget.left)
                raise _final(fault, f"; the next try is due in {wait:.6g} s, and total_seconds leaves {left:.0f}")
            await budget.wait(asyncio.sleep(wait))

    async def _attempt(self, url: str, body: Any, budget: _Budget, streamed: bool) -> AsyncGenerator[str | bytes, None]:
        response: httpx2.Response | None = None
        try:
            client = await self._client()
            request = client.build_request("POST" if body is not None else "GET", url, json=body)
            response = await budget.wait(client.send(request, stream=True))
            if response.status_code != 200:
                said = await self._read(response, budget, _ERROR_LIMIT)
                raise refusal(self.endpoint, response.status_code, response.headers, said)
            kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
            if kind in {"application/json", ""} or (not streamed and "json" in kind):
                yield await self._read(response, budget, _ANSWER_LIMIT)
            elif kind == "text/event-stream":
                async with aclosing(self._events(response, budget)) as events:
                    async for event in events:
                        yield event
            else:
                shown = self.endpoint.shown(kind, 60)
                fix = "write base_url up to and including /v1"
                what = f"the server answered with {shown!r}, which is not this protocol"
                raise ServerError(what, where=self.endpoint.where, fix=fix)
            return
        except ServerError as error:
            fault = error
        except Exception as error:
            # httpx2's own errors, and what the layers below it let through (anyio, ssl, h11).
            known = self._network(error, begun=response is not None)
            if known is None:
                raise
            fault = known
        finally:
            if response is not None:
                with suppress(Exception):
                    await response.aclose()
        raise fault from None

    async def _events(self, response: httpx2.Response, budget: _Budget) -> AsyncGenerator[str, None]:
        import asyncio

        http = require("httpx2", "plait[http]", needed_by=self.endpoint.where)
        headers = {"Content-Type": "text/event-stream; charset=utf-8"}
        checked = http.Response(200, headers=headers, content=self._checked(response), request=response.request)
        end = http.ServerSentEvent()
        try:
            async with aclosing(aiter(http.EventSource(checked, max_event_size=_EVENT_LIMIT))) as events:
                while (event := await budget.wait(anext(events, end))) is not end:
                    if event.data.strip() == "[DONE]":
                        with suppress(TimeoutError, http.TransportError):
                            async with asyncio.timeout(_LAST_SECONDS):
                                await anext(events, end)
                        return
                    if event.data:
                        yield event.data
        except http.SSEError:
            fault = damaged(self.endpoint, f"an event has more than {_EVENT_LIMIT:,} bytes")
        except UnicodeDecodeError:
            fault = damaged(self.endpoint, "its text is not UTF-8")
        else:
            return
        raise fault

    async def _checked(self, response: httpx2.Response) -> AsyncGenerator[bytes, None]:
        """The body as it was sent, as long as it is UTF-8 and not too long.

        One that was compressed could be of any size when unpacked, and the library puts a sign in the place of what is
        not UTF-8.
        """
        decoder, size = getincrementaldecoder("utf-8")(), 0
        async for piece in response.aiter_raw():
            size += len(piece)
            if size > _ANSWER_LIMIT:
                raise damaged(self.endpoint, f"its answer has more than {_ANSWER_LIMIT:,} bytes")
            decoder.decode(piece)
            yield piece

    async def _read(self, response: httpx2.Response, budget: _Budget, limit: int) -> bytes:
        """The body as it was sent: one that was compressed could be of any size when unpacked."""
        found, pieces = bytearray(), response.aiter_raw()
        while len(found) <= limit and (piece := await budget.wait(anext(pieces, b""))):
            found += piece
        if len(found) > limit and response.status_code == 200:
            raise damaged(self.endpoint, f"its answer has more than {limit:,} bytes")
        return bytes(found[:limit])

    async def _client(self) -> httpx2.AsyncClient:
        """The client of the running loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        with self._lock:
            if loop in self._clients:
                return self._clients[loop][0]
            client = self._new_client()
            kept = _kept(client)
            # Loops that have ended ask no more, and would be held here for ever.
            self._clients = {old: pair for old, pair in self._clients.items() if not old.is_closed()}
            self._clients[loop] = client, kept
        await anext(kept)  # from here on the loop knows of it
        return client

    def _new_client(self) -> httpx2.AsyncClient:
        http = require("httpx2", "plait[http]", needed_by=self.endpoint.where)
        client: httpx2.AsyncClient = http.AsyncClient(
            auth=partial(_signed, self.endpoint),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"Accept-Encoding": "identity", "User-Agent": "plait"},
            timeout=http.Timeout(self._limits.idle, connect=self._limits.connect, pool=None),
            limits=http.Limits(max_connections=None, keepalive_expiry=_UNUSED_SECONDS),
            trust_env=not self.endpoint.on_this_machine,
            follow_redirects=False,
            verify=_certificates(),
        )
        return client

    def _network(self, error: Exception, *, begun: bool) -> ServerError | None:
        """What an error of the network, or the end of someone's patience, means; None if it is neither."""
        http = require("httpx2", "plait[http]", needed_by=self.endpoint.where)
        limits, where = self._limits, self.endpoint.where
        reason = self.endpoint.shown(str(error)) or type(error).__name__
        if isinstance(error, http.ConnectTimeout):
            what = f"no connection within connect_seconds = {limits.connect:g}"
            fix = "check the address and the network, or raise connect_seconds"
            return ServerError(what, retry=True, where=where, fix=fix)
        if isinstance(error, http.ConnectError):
            fix = "start the server, or correct base_url"
            return ServerError(f"no connection: {reason}", retry=True, suspect=True, where=where, fix=fix)
        if isinstance(error, TimeoutError):
            what = f"the answer took longer than total_seconds = {limits.total:g}"
            return ServerError(what, suspect=True, where=where, fix="raise total_seconds, or lower answer.max_tokens")
        if isinstance(error, http.TimeoutException):
            what = "stopped sending in the middle of its answer" if begun else "did not begin to answer"
            what = f"the server {what} for idle_seconds = {limits.idle:g}; nothing of it is an answer"
            fix = "raise idle_seconds, or look at the server's load"
            return ServerError(what, suspect=True, where=where, fix=fix)
        if not isinstance(error, (http.TransportError, http.StreamError, http.InvalidURL, OSError)):
            return None
        if begun:
            return damaged(self.endpoint, f"the connection ended in the middle of it ({reason})")
        what = f"the server ended the connection without an answer ({reason})"
        fix = "look at the server's log: it may have stopped or run out of memory"
        return ServerError(what, retry=True, suspect=True, where=where, fix=fix)


def _signed(endpoint: Endpoint, request: httpx2.Request) -> httpx2.Request:
    request.headers.update(endpoint.credentials())
    return request


async def _kept(client: httpx2.AsyncClient) -> AsyncGenerator[None, None]:
    """Closes a client when its loop ends, which closes the asynchronous generators that are still open in it."""
    try:
        yield
    finally:
        await client.aclose()


def _final(fault: ServerError, note: str) -> ServerError:
    """The fault, with what was done about it."""
    return ServerError(
        f"{fault.message}{note}", status=fault.status, suspect=fault.suspect, unknown_model=fault.unknown_model,
        where=fault.where, choices=fault.choices, fix=fault.fix,
    )  # fmt: skip


@lru_cache(maxsize=1)
def _certificates() -> Any:
    """Reading them takes longer than a request: once for all clients."""
    import httpx2

    return httpx2.create_ssl_context()
