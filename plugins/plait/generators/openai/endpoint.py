"""Where a server of the OpenAI protocol is, and how to get in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from plait.contracts.errors import ConfigError
from plait.generators.credentials import Secret, on_one_line

__all__ = ["Endpoint", "checked_base_url"]


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
        """The address above ``/v1``, where servers keep what OpenAI does not have, such as ``/tokenize``."""
        return self.base_url.removesuffix("/v1")

    @property
    def on_this_machine(self) -> bool:
        """Whether the address is that of this machine, which no proxy needs to reach."""
        return urlsplit(self.base_url).hostname in {"localhost", "127.0.0.1", "::1"}

    def credentials(self) -> dict[str, str]:
        """The header that holds the key; none without a key."""
        if self.key is None:
            return {}
        bearer = "Bearer " if self.header.lower() == "authorization" else ""
        return {self.header: f"{bearer}{self.key.reveal()}"}

    def redacted(self, text: str) -> str:
        """``text`` without the key."""
        return self.key.redacted(text) if self.key else text

    def shown(self, text: str, longest: int = 300) -> str:
        """What a server sent, for a message: without the key, on one line, and not too long.

        In this order: a key that is cut first is no longer recognised.
        """
        return on_one_line(self.redacted(text), longest)
