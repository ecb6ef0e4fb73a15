"""Where a server is, and the key to get in: from the environment alone, and shown to nobody but the server."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Any, Never
from urllib.parse import quote, urlsplit

from plait.contracts.errors import ConfigError, GenerationError

__all__ = ["Endpoint", "Secret", "checked_base_url", "checked_variable", "on_one_line", "secret_from_environment"]

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
# What may stand in a header; a line break in it would be shown in the error of the HTTP library.
_KEY = re.compile(r"[!-~]+")


class Secret:
    """A text that does not show itself: not when printed, formatted, logged, compared, copied or pickled.

    Args:
        value: the text.

    Example:
        >>> key = Secret("k-123")
        >>> f"{key} {key!r}", key.redacted("the key k-123 is wrong")
        ('Secret(***) Secret(***)', 'the key *** is wrong')
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: Any) -> Never:
        raise TypeError("a secret cannot be pickled")

    def __deepcopy__(self, memo: Any) -> Secret:
        return self

    def reveal(self) -> str:
        """The text itself, for the one header it belongs in."""
        return self.__value

    def redacted(self, text: str) -> str:
        """``text`` without the secret, as it is or escaped, in small letters or not.

        Servers repeat keys in their complaints, and headers are compared in small letters.
        """
        value = self.__value
        forms = {value, json.dumps(value)[1:-1], repr(value)[1:-1], quote(value, safe="")}
        longest_first = sorted(forms, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest_first)), "***", text, flags=re.IGNORECASE)


def on_one_line(text: str, longest: int) -> str:
    r"""``text`` without control characters and line breaks, cut where it is longer.

    Example:
        >>> on_one_line("out of\n\x1b[31mmemory", 12)
        'out of [31mm...'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else f"{line[:longest]}..."


def checked_variable(name: Any, setting: str) -> str:
    """``name`` if it can be the name of an environment variable; empty means no key.

    The rule is capitals only, so that a key written in place of the name is refused here. The message does not repeat
    what was given.

    Raises:
        ConfigError: it cannot be a name.

    Example:
        >>> checked_variable("ACADEMY_KEY", "api_key_env")
        'ACADEMY_KEY'
        >>> checked_variable("sk-123", "api_key_env")
        Traceback (most recent call last):
        ...
        plait.contracts.errors.ConfigError: api_key_env: the value is not the name of an environment variable in \
capitals. Fix: put the key into a variable and name that: api_key_env = "MY_API_KEY".
    """
    if isinstance(name, str) and (not name or _VARIABLE.fullmatch(name)):
        return name
    raise ConfigError(
        "the value is not the name of an environment variable in capitals",
        where=setting,
        fix=f'put the key into a variable and name that: {setting} = "MY_API_KEY"',
    ) from None


def secret_from_environment(variable: str, where: str) -> Secret | None:
    """The key in an environment variable; None when no variable is named.

    Raises:
        GenerationError: the variable is not set, or holds what cannot stand in a header.
    """
    if not variable:
        return None
    value = os.environ.get(variable, "").strip()
    if not value:
        raise GenerationError(
            f"the environment variable {variable} is not set", where=where, fix=f"export {variable}=..., then try again"
        )
    if not _KEY.fullmatch(value):
        raise GenerationError(
            f"the key in the environment variable {variable} has white space or characters outside ASCII in it",
            where=where,
            fix="copy the key again, without line breaks",
        )
    return Secret(value)


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
