"""One request to a server: sent, waited for within limits, tried again while nothing has come, read event by event."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from plait.config import require
from plait.contracts.errors import GenerationError
from plait.generators.endpoint import Endpoint
from plait.generators.event_stream import EventStream, EventTooLongError
from plait.generators.http_faults import ServerError, refusal
from plait.generators.json_values import parsed
from plait.generators.retrying import Patience

if TYPE_CHECKING:
    import httpx

__all__ = ["Exchange", "Limits"]

T = TypeVar("T")
_BODY_LIMIT = 64 * 2**20
_ERROR_LIMIT = 64 * 2**10
DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds of waiting for the server; time that the reader of the answer takes is free.

    Args:
        connect: for a connection.
        idle: for the next piece of an answer, the first one included.
        total: for the whole answer, retries and the waits before them included.
        retries: how often a request that failed before its first piece is sent again.
    """

    connect: float
    idle: float
    total: float
    retries: int


class _Budget:
    """What is left of the total waiting time of one request."""

    def __init__(self, limits: Limits) -> None:
        self.left = limits.total

    async def wait(self, work: Awaitable[T], longest: float) -> T:
        """What ``work`` gives.

        Raises:
            TimeoutError: it took longer than ``longest``, or than what is left.
        """
        import asyncio

        started = monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(longest, self.left))):
                return await work
        finally:
            self.left -= monotonic() - started


class Exchange:
    """Requests to one server over one client.

    Args:
        endpoint: the server.
        client: an open client of it.
        limits: how long to wait.
        patience: makes the waiting times of a request out of the number of its retries.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        client: httpx.AsyncClient,
        limits: Limits,
        *,
        patience: Callable[[int], Patience] = Patience,
    ) -> None:
        self.endpoint = endpoint
        self._client = client
        self._limits = limits
        self._patience = patience

    async def fetch(self, url: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON that a URL gives: by GET, or by POST where there is a body.

        Raises:
            ServerError: it could not be had; requests that may pass are retried.
        """
        async with aclosing(self._attempts(url, body, streamed=False)) as events:
            async for event in events:
                return event
        raise self._broken("it sent nothing")

    def events(self, url: str, body: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        """The JSON of each event that the server streams in answer to a POST, up to its ``[DONE]``.

        A server that answers in one piece gives one event. Whether the answer is whole is for the reader to say: the
        connection may end at any event.

        Raises:
            ServerError: the request failed. It is retried only while no event has come.
        """
        return self._attempts(url, body, streamed=True)

    async def _attempts(self, url: str, body: Any, *, streamed: bool) -> AsyncGenerator[Any, None]:
        import asyncio

        budget, patience = _Budget(self._limits), self._patience(self._limits.retries)
        while True:
            fault: ServerError | None = None
            begun = False
            try:
                async with aclosing(self._attempt(url, body, budget, streamed)) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except ServerError as error:
                fault = error
            # Raised out here, so that it carries no chain: the library's errors hold the request with its headers.
            wait = None if begun or not fault.retry else patience.next_wait(fault.wait)
            if wait is None or wait >= budget.left:
                raise self._final(fault, patience.tried, wait, budget.left)
            await budget.wait(asyncio.sleep(wait), float("inf"))

    async def _attempt(self, url: str, body: Any, budget: _Budget, streamed: bool) -> AsyncGenerator[Any, None]:
        response: httpx.Response | None = None
        fault: ServerError
        try:
            request = self._client.build_request("POST" if body is not None else "GET", url, json=body)
            response = await budget.wait(self._client.send(request, stream=True), self._limits.idle)
            if response.status_code != 200:
                said = await self._read(response, budget, _ERROR_LIMIT)
                raise refusal(self.endpoint, response.status_code, response.headers, said)
            async with aclosing(self._content(response, budget, streamed)) as content:
                async for event in content:
                    yield event
            return
        except ServerError as error:
            fault = error
        except TimeoutError:
            fault = self._slow(budget, begun=response is not None)
        except Exception as error:
            # httpx's own errors, and what the layers below it let through (anyio, ssl, h11).
            known = self._network(error, response is not None)
            if known is None:
                raise
            fault = known
        finally:
            if response is not None:
                with suppress(Exception):
                    await response.aclose()
        raise fault from None

    async def _content(self, response: httpx.Response, budget: _Budget, streamed: bool) -> AsyncGenerator[Any, None]:
        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind in {"application/json", ""} or (not streamed and "json" in kind):
            yield self._json(await self._read(response, budget, _BODY_LIMIT))
            return
        if kind != "text/event-stream":
            raise ServerError(
                f"the server answered with {self.endpoint.shown(kind, 60)!r}, which is not this protocol",
                where=self.endpoint.where,
                fix="write base_url up to and including /v1",
            )
        stream = EventStream()
        try:
            async with aclosing(self._pieces(response, budget)) as pieces:
                async for piece in pieces:
                    for data in stream.push(piece):
                        if data.strip() == DONE:
                            return
                        yield self._json(data)
        except (EventTooLongError, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, EventTooLongError) else "its text is not UTF-8"
            raise self._broken(reason) from None

    async def _pieces(self, response: httpx.Response, budget: _Budget) -> AsyncGenerator[bytes, None]:
        raw = response.aiter_raw()
        end = b""
        while True:
            piece = await budget.wait(anext(raw, end), self._limits.idle)
            if not piece:
                return
            yield piece

    async def _read(self, response: httpx.Response, budget: _Budget, limit: int) -> bytes:
        found = bytearray()
        async with aclosing(self._pieces(response, budget)) as pieces:
            async for piece in pieces:
                found += piece
                if len(found) > limit:
                    if response.status_code == 200:
                        raise self._broken(f"its answer has more than {limit:,} bytes")
                    break
        return bytes(found[:limit])

    def _json(self, text: str | bytes) -> Any:
        try:
            return parsed(text)
        except ValueError:
            pass
        raise self._broken("it sent what is not JSON")

    def _broken(self, reason: str) -> ServerError:
        return ServerError(
            f"the server's answer is damaged: {reason}; nothing of it is an answer",
            suspect=True,
            where=self.endpoint.where,
            fix="check that base_url names a server of the OpenAI protocol; its own log says more",
        )

    def _slow(self, budget: _Budget, *, begun: bool) -> ServerError:
        limits = self._limits
        if budget.left <= 0:
            spent = f"the answer took longer than total_seconds = {limits.total:g}"
            return ServerError(
                spent, suspect=True, where=self.endpoint.where, fix="raise total_seconds, or lower answer.max_tokens"
            )
        what = "stopped sending in the middle of its answer" if begun else "did not begin to answer"
        return ServerError(
            f"the server {what} for idle_seconds = {limits.idle:g}; nothing of it is an answer",
            suspect=True,
            where=self.endpoint.where,
            fix="raise idle_seconds, or look at the server's load",
        )

    def _network(self, error: Exception, begun: bool) -> ServerError | None:
        http = require("httpx", "plait[http]", needed_by=self.endpoint.where)
        reason = self.endpoint.shown(str(error)) or type(error).__name__
        if isinstance(error, http.ConnectTimeout):
            return ServerError(
                f"no connection within connect_seconds = {self._limits.connect:g}",
                retry=True,
                where=self.endpoint.where,
                fix="check the address and the network, or raise connect_seconds",
            )
        if isinstance(error, http.ConnectError):
            return ServerError(
                f"no connection: {reason}",
                retry=True,
                suspect=True,
                where=self.endpoint.where,
                fix="start the server, or correct base_url",
            )
        if not isinstance(error, (http.TransportError, http.StreamError, http.InvalidURL, http.DecodingError, OSError)):
            return None
        if begun:
            return self._broken(f"the connection ended in the middle of it ({reason})")
        return ServerError(
            f"the server ended the connection without an answer ({reason})",
            retry=True,
            suspect=True,
            where=self.endpoint.where,
            fix="look at the server's log: it may have stopped or run out of memory",
        )

    def _final(self, fault: ServerError, tried: int, wait: float | None, left: float) -> GenerationError:
        if fault.retry and wait is not None and wait >= left:
            note = f"; the next try is due in {wait:.6g} s, and total_seconds leaves {max(0.0, left):.0f}"
        else:
            note = f"; tried {tried} times" if tried > 1 else ""
        return ServerError(
            f"{fault.message}{note}",
            suspect=fault.suspect,
            unknown_model=fault.unknown_model,
            status=fault.status,
            where=fault.where,
            choices=fault.choices,
            fix=fault.fix,
        )
