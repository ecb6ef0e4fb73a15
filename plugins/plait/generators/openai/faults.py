"""What a server's refusals and failures mean, in sentences, and which of them may pass by themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from plait.contracts.errors import GenerationError
from plait.generators.endpoint import Endpoint
from plait.generators.structured import parsed

__all__ = ["ServerError", "complaint", "damaged", "refusal", "retry_after"]

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_OVERFLOW = re.compile(
    r"context[ _]length|maximum context|context window|too many tokens|max_model_len|prompt is too long", re.I
)
_STRUCTURE = re.compile(r"response_format|structured_outputs|json_schema|guided|grammar", re.I)
_MODEL = re.compile(r"\bmodel\b", re.I)


class ServerError(GenerationError):
    """A request to a server failed.

    Args:
        message: what happened.
        status: the HTTP status, where there was one.
        retry: whether the same request may succeed later.
        wait: seconds the server asks to wait before.
        suspect: whether the server's engine itself may be damaged.
        unknown_model: whether the server does not know the model.
        **said: ``where``, ``choices`` and ``fix``, as in every error.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry: bool = False,
        wait: float | None = None,
        suspect: bool = False,
        unknown_model: bool = False,
        **said: Any,
    ) -> None:
        super().__init__(message, **said)
        self.status, self.retry, self.wait = status, retry, wait
        self.suspect, self.unknown_model = suspect, unknown_model


def damaged(endpoint: Endpoint, reason: str) -> ServerError:
    """The fault of an answer that cannot be what the server meant to say."""
    return ServerError(
        f"the server's answer is damaged: {reason}; nothing of it is an answer",
        suspect=True,
        where=endpoint.where,
        fix="check that base_url names a server of the OpenAI protocol; its own log says more",
    )


def refusal(endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes) -> ServerError:
    """The fault that an answer other than 200 stands for. The key is taken out of whatever the server says."""

    def fault(message: str, fix: str | None = None, **facts: Any) -> ServerError:
        return ServerError(message, status=status, where=endpoint.where, fix=fix, **facts)

    code, text = _complaint(body)
    said = f"{status}: {shown}" if (shown := endpoint.shown(text)) else f"{status}"
    if status in {401, 403} and endpoint.variable:
        fix = f"put a valid key into {endpoint.variable}"
        return fault(f"the server does not accept the key in {endpoint.variable} ({said})", fix)
    if status in {401, 403}:
        fix = 'put a key into an environment variable and name it: api_key_env = "MY_API_KEY"'
        return fault(f"the server does not accept a request without a key ({said})", fix)
    if 300 <= status < 400:
        return fault(
            f"the server redirects ({status}), which is not followed: the key would go along",
            "write the address it redirects to as base_url",
        )
    if _OVERFLOW.search(said) or code == "context_length_exceeded":
        fix = "lower answer.prompt_tokens or answer.max_tokens, or set context_tokens to the model's window"
        return fault(f"the prompt and the answer do not fit the model's window ({said})", fix)
    if status == 404 and (_MODEL.search(said) or code == "model_not_found"):
        return fault(f"the server does not know the model ({said})", unknown_model=True)
    if status == 404:
        return fault(f"there is nothing at this address ({said})", "write base_url up to and including /v1")
    if status == 429 and code == "insufficient_quota":
        return fault(f"the account has no quota left ({said})", "top up the account")
    if status in _PASSING:
        wait = retry_after(headers.get("retry-after"))
        if status >= 500:
            fix = "try again later; the server's own log says more"
            return fault(f"the server failed ({said})", fix, retry=True, wait=wait, suspect=True)
        busy = "has too many requests" if status == 429 else "did not wait for the request"
        return fault(f"the server {busy} ({said})", "try again later, or ask less", retry=True, wait=wait)
    if _STRUCTURE.search(said):
        fix = "leave choices and json_schema out, or use a generator that has them"
        return fault(f"the server does not write answers of a given form ({said})", fix)
    fix = "the setting 'extra' and the server's documentation say what it takes"
    return fault(f"the server refused the request ({said})", fix, suspect=status >= 500)


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for: a number, or the date to come back at. None when unreadable.

    Example:
        >>> retry_after("2.5"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after("soon")
        (2.5, 0.0, None)
        >>> retry_after("Wed, 21 Oct 2015 07:28:00 +99999999999999")
    """
    try:
        seconds = float(header or "")
    except ValueError:
        try:
            date = parsedate_to_datetime(header or "")
            date = date if date.tzinfo else date.replace(tzinfo=UTC)
            seconds = (date - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, OverflowError):  # no date, or one outside the calendar
            return None
    return max(0.0, seconds) if seconds < float("inf") else None


def _complaint(body: bytes) -> tuple[str, str]:
    """Code and sentence out of an error body, as the server wrote them: JSON in one of its many forms, or a text."""
    text = body.decode("utf-8", "replace")
    try:
        value = parsed(text)
    except ValueError:
        return "", re.sub(r"<[^<>]*>", " ", text).strip()
    return complaint(value)


def complaint(value: Any) -> tuple[str, str]:
    """Code and sentence out of the JSON of an error.

    Example:
        >>> complaint({"error": {"message": "no such model", "code": "model_not_found"}})
        ('model_not_found', 'no such model')
        >>> complaint({"detail": [{"loc": ["body"]}]}), complaint({"error": 7})
        (('', '[{"loc": ["body"]}]'), ('', ''))
    """
    if isinstance(value, Mapping) and "error" in value:
        value = value["error"]
    if not isinstance(value, Mapping):
        return "", value if isinstance(value, str) else ""
    code, said = value.get("code"), value.get("message") or value.get("detail")
    if said and not isinstance(said, str):  # such as a list of faults
        try:
            said = json.dumps(said)
        except RecursionError:  # what could be read can still be too deep to be written
            said = ""
    return code if isinstance(code, str) else "", said or ""
