"""A server of the OpenAI protocol on loopback that answers from memory, and misbehaves when told to.

For tests of clients: the sockets, the HTTP and the faults are real, only the language model is not.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["ChatServer", "Reply", "Turn", "chat_server", "event", "piece", "status"]

ANSWER = "Three strands hold, two strands slip, and a braid of papers answers \u2028 in one sentence."
MODEL = "parrot"


@dataclass(frozen=True, slots=True)
class Turn:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Reply:
    """What a fault may do with the connection.

    Args:
        handler: the standard library's, with the open socket.
    """

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler
        self._last = handler.close_connection
        handler.close_connection = True  # until the answer turns out to have an end of its own

    def head(self, code: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """Sends status and headers; without a length, the body lasts until the connection is closed."""
        self._handler.send_response(code)
        self._handler.send_header("Content-Type", kind)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        if not headers.keys() & {"Content-Length", "Transfer-Encoding"}:
            self._handler.send_header("Connection", "close")
        self._handler.end_headers()

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def whole(self, status: int, body: Any, kind: str = "application/json", **headers: str) -> None:
        """Sends an answer in one piece."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.head(status, kind, **{"Content-Length": str(len(data)), **headers})
        self.send(data)
        self._handler.close_connection = self._last

    def chunk(self, data: bytes) -> None:
        """Sends one chunk behind a head with ``Transfer-Encoding: chunked``; an empty one ends the answer."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))
        if not data:
            self._handler.close_connection = self._last

    def wait(self, seconds: float) -> None:
        """Does nothing for a while, less when the client leaves."""
        self._handler.connection.settimeout(seconds)
        with suppress(OSError):
            self._handler.connection.recv(1)

    def reset(self) -> None:
        """Ends the connection as a process does that was killed: with a reset, without a goodbye."""
        linger = struct.pack("ii", 1, 0)
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._handler.connection.close()


Fault = Callable[[Turn, Reply], None]


@dataclass(slots=True)
class ChatServer:
    """A running server.

    Args:
        url: its address, up to ``/v1``.
        answer: the text it gives, a word a token.
        faults: what happens to the next requests for answers, one each; then it answers honestly.
        turns: the requests so far.
        left: set when a client has closed a connection in the middle of an answer.
        continuation: what it gives to a plain completion that is not streamed, whatever the prompt.
        key: the key it wants, if any.
        pause: seconds between two words.
        connections: how many were opened so far; one may carry several requests.
        busiest: most requests for answers at a time.
        open: how many connections are open now.
    """

    url: str = ""
    answer: str = ANSWER
    faults: list[Fault] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    continuation: str = " 7 8 9"
    key: str = ""
    pause: float = 0.0
    connections: int = 0
    busiest: int = 0
    open: int = 0
    _busy: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, turn: Turn, reply: Reply) -> None:
        """Answers one request."""
        with self._lock:
            self.turns.append(turn)
            asked = turn.path.startswith(("/v1/chat/completions", "/v1/completions"))
            fault = self.faults.pop(0) if asked and self.faults else None
            self._busy += asked
            self.busiest = max(self.busiest, self._busy)
        try:
            (fault or self._honest)(turn, reply)
        except (BrokenPipeError, ConnectionResetError):
            self.left.set()
        finally:
            with self._lock:
                self._busy -= asked

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Stands around all that happens on one connection."""
        with self._lock:
            self.connections += 1
            self.open += 1
        try:
            yield
        finally:
            with self._lock:
                self.open -= 1

    def answers(self) -> list[Turn]:
        """The requests for answers so far."""
        return [turn for turn in self.turns if turn.path.endswith("/completions")]

    def _honest(self, turn: Turn, reply: Reply) -> None:
        if self.key and turn.headers.get("authorization") != f"Bearer {self.key}":
            said = f"Incorrect API key provided: {turn.headers.get('authorization', 'none')}"
            reply.whole(401, {"error": {"message": said, "code": "invalid_api_key"}})
        elif turn.path == "/v1/models":
            reply.whole(200, {"object": "list", "data": [{"id": MODEL, "object": "model", "max_model_len": 4096}]})
        elif turn.path == "/tokenize":
            contents = [message["content"] for message in turn.body["messages"]]
            reply.whole(200, {"count": sum(map(len, map(_words, contents)))})
        elif turn.path == "/v1/completions" and not turn.body.get("stream"):
            reply.whole(200, {"choices": [{"text": self.continuation, "finish_reason": "length"}]})
        elif turn.path not in {"/v1/chat/completions", "/v1/completions"}:
            reply.whole(404, {"detail": "Not Found"})
        elif turn.body["model"] != MODEL:
            said = f"The model `{turn.body['model']}` does not exist."
            reply.whole(404, {"error": {"message": said, "code": "model_not_found"}})
        else:
            self._write(turn.body, reply)

    def _write(self, body: Mapping[str, Any], reply: Reply) -> None:
        words = _words(self.answer)
        form = body.get("structured_outputs", {})
        if "choice" in form:
            words = [form["choice"][0]]
        elif "response_format" in body:
            allowed = body["response_format"]["json_schema"]["schema"]["properties"]
            words = _words(json.dumps({name: kind.get("enum", ["?"])[0] for name, kind in allowed.items()}))
        whole = len(words) <= body["max_tokens"]
        words = words[: body["max_tokens"]]
        if "messages" in body:
            read = sum(len(_words(message["content"])) for message in body["messages"])
        else:
            read = len(body.get("prompt") or body["prompt_embeds"])
        reply.head(200, "text/event-stream", **{"Transfer-Encoding": "chunked"})
        reply.chunk(piece("", None))
        for number, word in enumerate(words, 1):
            time.sleep(self.pause)
            reply.chunk(piece(word, None if number < len(words) else "stop" if whole else "length"))
        usage = {"prompt_tokens": read, "completion_tokens": len(words)}
        reply.chunk(event({"model": MODEL, "choices": [], "usage": usage}) + b"data: [DONE]\n\n")
        reply.chunk(b"")


def piece(text: str, finish: str | None = None) -> bytes:
    """One event of a streamed chat completion."""
    choice = {"index": 0, "delta": {"content": text}, "text": text, "finish_reason": finish}
    return event({"object": "chat.completion.chunk", "model": MODEL, "choices": [choice]})


def event(value: Any) -> bytes:
    """A value as a server-sent event, with all of Unicode as it is."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def status(code: int, said: str = "", **headers: str) -> Callable[[Turn, Reply], None]:
    """A way to answer: an HTTP status with an error body."""
    return lambda _turn, reply: reply.whole(code, {"error": {"message": said}}, **headers)


@contextmanager
def chat_server(**settings: Any) -> Iterator[ChatServer]:
    """Runs a :class:`ChatServer` on a free port of loopback.

    Example:
        >>> from urllib.request import urlopen
        >>> with chat_server() as server, urlopen(f"{server.url}/models") as answer:
        ...     [model["id"] for model in json.load(answer)["data"]]
        ['parrot']
    """
    state = ChatServer(**settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else the second half of a small answer waits for a receipt of the first

        def _take(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.take(Turn(self.command, self.path, headers, body), Reply(self))

        do_GET = do_POST = _take  # noqa: N815  (names that the standard library looks for)

        def handle(self) -> None:
            with state.counted(), suppress(OSError, ValueError):  # a fault may have closed the socket under the handler
                super().handle()

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            """Keeps quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128  # the standard library's 5 lets a burst of connections wait for seconds

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that leave are part of the tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _words(text: str) -> list[str]:
    """The words of a text, each with the white space in front of it."""
    return re.findall(r"\s*\S+", text)
