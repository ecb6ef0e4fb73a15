"""What a server's refusals and failures mean, in sentences, and which of them may pass by themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from plait.contracts.errors import GenerationError
from plait.generators.endpoint import Endpoint
from plait.generators.json_values import parsed
from plait.generators.retrying import RETRIED, retry_after

__all__ = ["ServerError", "error_message", "refusal"]

_OVERFLOW = re.compile(
    r"context[ _]length|maximum context|context window|too many tokens|max_model_len|prompt is too long", re.I
)
_STRUCTURE = re.compile(r"response_format|structured_outputs|json_schema|guided|grammar", re.I)
_MODEL = re.compile(r"\bmodel\b", re.I)


class ServerError(GenerationError):
    """A request to a server failed.

    Args:
        message: what happened.
        retry: whether the same request may succeed later.
        wait: seconds the server asks to wait before.
        suspect: whether the server's engine itself may be damaged.
        unknown_model: whether the server does not know the model.
        status: the HTTP status, where there was one.
        where: as in every error.
        choices: as in every error.
        fix: as in every error.
    """

    def __init__(
        self,
        message: str,
        *,
        retry: bool = False,
        wait: float | None = None,
        suspect: bool = False,
        unknown_model: bool = False,
        status: int | None = None,
        where: str | None = None,
        choices: Sequence[str] = (),
        fix: str | None = None,
    ) -> None:
        super().__init__(message, where=where, choices=choices, fix=fix)
        self.retry, self.wait, self.suspect, self.unknown_model = retry, wait, suspect, unknown_model
        self.status = status


def refusal(endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes) -> ServerError:
    """The fault that an answer other than 200 stands for. The key is taken out of whatever the server says."""
    code, said = error_message(body)
    said = f": {shown}" if (shown := endpoint.shown(said)) else ""
    where = endpoint.where
    wait = retry_after(headers.get("retry-after"))
    if status in {401, 403}:
        named = f"the key in {endpoint.variable}" if endpoint.variable else "a request without a key"
        fix = (
            f"put a valid key into {endpoint.variable}"
            if endpoint.variable
            else 'put a key into an environment variable and name it: api_key_env = "MY_API_KEY"'
        )
        return ServerError(f"the server does not accept {named} ({status}{said})", status=status, where=where, fix=fix)
    if 300 <= status < 400:
        return ServerError(
            f"the server redirects ({status}), which is not followed: the key would go along",
            status=status,
            where=where,
            fix="write the address it redirects to as base_url",
        )
    if _OVERFLOW.search(said) or code == "context_length_exceeded":
        return ServerError(
            f"the prompt and the answer do not fit the model's window ({status}{said})",
            status=status,
            where=where,
            fix="lower answer.prompt_tokens or answer.max_tokens, or set context_tokens to the model's window",
        )
    if status == 404 and (_MODEL.search(said) or code == "model_not_found"):
        return ServerError(f"the server does not know the model ({status}{said})", status=status, where=where,
                           unknown_model=True)  # fmt: skip
    if status == 404:
        return ServerError(
            f"there is nothing at this address ({status}{said})",
            status=status,
            where=where,
            fix="write base_url up to and including /v1",
        )
    if status == 429 and code == "insufficient_quota":
        return ServerError(
            f"the account has no quota left ({status}{said})", status=status, where=where, fix="top up the account"
        )
    if status in RETRIED:
        busy = "has too many requests" if status == 429 else "failed"
        return ServerError(
            f"the server {busy} ({status}{said})",
            retry=True,
            wait=wait,
            suspect=status >= 500,
            status=status,
            where=where,
            fix="try again later; the server's own log says more" if status >= 500 else "try again later, or ask less",
        )
    if _STRUCTURE.search(said):
        return ServerError(
            f"the server does not write answers of a given form ({status}{said})",
            status=status,
            where=where,
            fix="leave choices and json_schema out, or use a generator that has them",
        )
    return ServerError(
        f"the server refused the request ({status}{said})", status=status, suspect=status >= 500, where=where,
        fix="the setting 'extra' and the server's documentation say what it takes",
    )  # fmt: skip


def error_message(body: bytes | Any) -> tuple[str, str]:
    """Code and sentence out of an error body: JSON in one of its many forms, or a text.

    Both are as the server wrote them: :meth:`~plait.generators.endpoint.Endpoint.shown` makes them fit to be shown.

    Example:
        >>> error_message(b'{"error": {"message": "no such model", "code": "model_not_found"}}')
        ('model_not_found', 'no such model')
        >>> error_message(b"<html><body>502 Bad Gateway</body></html>")
        ('', '502 Bad Gateway')
    """
    value = body
    if isinstance(body, bytes):
        text = body.decode("utf-8", "replace")
        try:
            value = parsed(text)
        except ValueError:
            return "", re.sub(r"<[^<>]*>", " ", text).strip()
    if isinstance(value, Mapping) and "error" in value:
        value = value["error"]
    if isinstance(value, Mapping):
        code, said = value.get("code"), value.get("message") or value.get("detail")
        return code if isinstance(code, str) else "", said if isinstance(said, str) else _as_text(said)
    return "", value if isinstance(value, str) else ""


def _as_text(value: Any) -> str:
    """A value that is no sentence, such as a list of faults."""
    try:
        return json.dumps(value) if value else ""
    except RecursionError:  # what could be read can still be too deep to be written
        return ""
