"""Adds up the events of one streamed answer, and says whether it is whole."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from plait.contracts import Usage
from plait.contracts.generator import FinishReason
from plait.generators.endpoint import Endpoint
from plait.generators.openai.faults import ServerError, complaint, damaged
from plait.generators.structured import whole_number

__all__ = ["Completion"]

_STOPPED = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
_FULL = frozenset({"length", "max_tokens"})


class _Message(BaseModel):
    model_config = ConfigDict(strict=True)
    content: str | None = None
    refusal: str | None = None


class _Choice(_Message):
    """One of ``delta`` (streamed), ``message`` (in one piece) and ``text`` (plain completions) holds the words."""

    index: int | None = 0
    delta: _Message | None = None
    message: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Event(BaseModel):
    model_config = ConfigDict(strict=True)
    choices: list[_Choice] | None = None
    error: Any = None
    model: Any = None
    usage: Any = None


class Completion:
    """Reads chat completions and plain completions, streamed or in one piece.

    An answer is whole when the server gave a reason for its end. A connection that merely closes, or a ``[DONE]``
    without a reason, is a server that stopped half way.

    Args:
        endpoint: the server, for messages.

    Example:
        >>> answer = Completion(Endpoint("http://h/v1", "generator"))
        >>> answer.push('{"choices": [{"delta": {"content": "Par"}}]}') + answer.push(
        ...     '{"choices": [{"delta": {"content": "is"}, "finish_reason": "stop"}]}'
        ... )
        'Paris'
        >>> answer.close()
        'stop'
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._finish: FinishReason | None = None
        self._characters = 0
        self.usage: Usage | None = None
        self.model = ""

    def push(self, data: str | bytes) -> str:
        """The text that one more event adds.

        Args:
            data: its JSON.

        Raises:
            ServerError: the event reports an error or is not one of this protocol, or the answer ended for a reason
                that leaves it unfinished.
        """
        event, reason = _read(data)
        if event is not None and event.error:
            said = self._endpoint.shown(complaint({"error": event.error})[1]) or "no reason given"
            raise ServerError(
                f"the server failed in the middle of its answer: {said}; nothing of it is an answer",
                suspect=True,
                where=self._endpoint.where,
                fix="look at the server's log, then try again",
            )
        if event is None or event.choices is None:
            raise damaged(self._endpoint, self._endpoint.shown(reason) or "an event has no choices")
        if isinstance(event.model, str):
            self.model = self._endpoint.shown(event.model)
        if isinstance(event.usage, dict):
            read, written = (whole_number(event.usage.get(f"{what}_tokens")) for what in ("prompt", "completion"))
            if read is not None and written is not None:
                self.usage = Usage(read, written)
        text = "".join(self._text(choice) for choice in event.choices if not choice.index)
        self._characters += len(text)
        return text

    def close(self) -> FinishReason:
        """Why the answer ended.

        Raises:
            ServerError: the server never said.
        """
        if self._finish is None:
            raise ServerError(
                f"the connection ended before the answer did, after {self._characters:,} characters; "
                "nothing of it is an answer",
                suspect=True,
                where=self._endpoint.where,
                fix="look at the server's log: it may have stopped or run out of memory",
            )
        return self._finish

    def _text(self, choice: _Choice) -> str:
        message = choice.delta or choice.message or choice
        reason = choice.finish_reason
        if message.refusal:
            self._finish = "declined"
        elif reason is not None and self._finish != "declined":
            if reason not in _STOPPED | _FULL:
                raise ServerError(
                    f"the server ended the answer with {self._endpoint.shown(reason, 40)!r}, which leaves it "
                    "unfinished; nothing of it is an answer",
                    where=self._endpoint.where,
                    choices=["stop", "length"],
                    fix="ask otherwise if a filter took it; look at the server's log if not",
                )
            self._finish = "stop" if reason in _STOPPED else "length"
        return next((text for text in (choice.text, message.content, message.refusal) if text is not None), "")


def _read(data: str | bytes) -> tuple[_Event | None, str]:
    """An event, or what is wrong with it: never what stands in it, which may be a key."""
    try:
        return _Event.model_validate_json(data), ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return None, f"{'.'.join(map(str, first['loc'])) or 'an event'}: {first['msg']}"
