"""Where a server of the OpenAI protocol is, and how to get in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from plait.config import require
from plait.contracts.errors import ConfigError
from plait.generators.credentials import Secret, on_one_line

if TYPE_CHECKING:
    import httpx

__all__ = ["Endpoint", "checked_base_url"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def checked_base_url(value: Any, setting: str = "base_url") -> str:
    """``value`` as a base URL without a slash at its end.

    Raises:
        ConfigError: it is no http(s) address, or holds a password or a query, which would be shown in every message.

    Example:
        >>> checked_base_url("http://127.0.0.1:8000/v1/")
        'http://127.0.0.1:8000/v1'
    """
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        host = parts.hostname if parts.port != 0 else None
    except ValueError:  # a port that is no number, or half an IPv6 address
        host = None
    if host is None or parts.scheme not in {"http", "https"}:
        raise ConfigError(
            "the value is not the address of a server",  # and is not repeated: there may be a password in it
            where=setting,
            choices=["http://127.0.0.1:8000/v1", "https://host/v1"],
            fix="write the address up to and including /v1",
        )
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ConfigError(
            "the address holds a user, a password or a query, which would be shown in messages and traces",
            where=setting,
            fix='write the bare address, and name the variable that holds the key: api_key_env = "MY_API_KEY"',
        )
    return str(value).rstrip("/")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server.

    Args:
        base_url: as :func:`checked_base_url` gives it.
        where: who talks to it, for messages.
        variable: the environment variable that the key came from.
        key: the key.
        header: the header it is sent in; ``Authorization`` gets the word ``Bearer`` in front.
    """

    base_url: str
    where: str
    variable: str = ""
    key: Secret | None = None
    header: str = "Authorization"

    @property
    def root(self) -> str:
        """The address above ``/v1``, where servers keep what OpenAI does not have, such as ``/health``."""
        return self.base_url.removesuffix("/v1")

    def redacted(self, text: str) -> str:
        """``text`` without the key."""
        return self.key.redacted(text) if self.key else text

    def shown(self, text: str, longest: int = 300) -> str:
        """What a server sent, for a message: without the key, on one line, and not too long.

        In this order: a key that is cut first is no longer recognised.
        """
        return on_one_line(self.redacted(text), longest)

    def client(self, connect_seconds: float, verify: Any) -> httpx.AsyncClient:
        """A client for requests to this server; whoever waits sets the other limits.

        Redirects are not followed: the key would travel with them. A proxy from the environment is used, except for
        servers on this machine.
        """
        http = require("httpx", "plait[http]", needed_by=self.where)
        client: httpx.AsyncClient = http.AsyncClient(
            auth=self._signed,
            # A body that was compressed could be of any size when unpacked.
            headers={"Accept-Encoding": "identity", "User-Agent": "plait"},
            timeout=http.Timeout(None, connect=connect_seconds),
            limits=http.Limits(max_connections=None),
            trust_env=urlsplit(self.base_url).hostname not in _LOOPBACK,
            follow_redirects=False,
            verify=verify,
        )
        return client

    def _signed(self, request: httpx.Request) -> httpx.Request:
        if self.key is not None:
            bearer = "Bearer " if self.header.lower() == "authorization" else ""
            request.headers[self.header] = f"{bearer}{self.key.reveal()}"
        return request
