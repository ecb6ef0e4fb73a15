"""Adds up the events of one streamed answer, and says whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plait.contracts import Usage
from plait.contracts.generator import FinishReason
from plait.generators.endpoint import Endpoint
from plait.generators.http_faults import ServerError, error_message
from plait.generators.json_values import whole_number

__all__ = ["CompletionEvents"]

_STOPPED = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
_FULL = frozenset({"length", "max_tokens"})


class CompletionEvents:
    """Reads chat completions and plain completions, streamed or in one piece.

    An answer is whole when the server gave a reason for its end. A connection that merely closes, or a ``[DONE]``
    without a reason, is a server that stopped half way.

    Args:
        endpoint: the server, for messages.

    Example:
        >>> events = CompletionEvents(Endpoint("http://h/v1", "generator"))
        >>> events.push({"choices": [{"delta": {"content": "Par"}}]}) + events.push(
        ...     {"choices": [{"delta": {"content": "is"}, "finish_reason": "stop"}]}
        ... )
        'Paris'
        >>> events.finish
        'stop'
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.finish: FinishReason | None = None
        self.usage: Usage | None = None
        self.model = ""
        self.characters = 0

    def push(self, event: Any) -> str:
        """The text that one more event adds.

        Raises:
            ServerError: the event reports an error or is not one of this protocol, or the answer ended for a reason
                that leaves it unfinished.
        """
        if not isinstance(event, Mapping):
            raise self._damaged("an event is not an object")
        if event.get("error"):
            _, said = error_message(event)
            raise ServerError(
                f"the server failed in the middle of its answer: {self._endpoint.shown(said) or 'no reason given'}; "
                "nothing of it is an answer",
                suspect=True,
                where=self._endpoint.where,
                fix="look at the server's log, then try again",
            )
        if isinstance(event.get("model"), str):
            self.model = self._endpoint.shown(event["model"])
        self._count(event.get("usage"))
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise self._damaged("an event has no choices")
        text = ""
        for choice in choices:
            if not isinstance(choice, Mapping):
                raise self._damaged("a choice is not an object")
            if choice.get("index", 0) == 0:
                text += self._text(choice)
                self._end(choice.get("finish_reason"))
        self.characters += len(text)
        return text

    def close(self) -> FinishReason:
        """Why the answer ended.

        Raises:
            ServerError: the server never said.
        """
        if self.finish is None:
            raise ServerError(
                f"the connection ended before the answer did, after {self.characters:,} characters; "
                "nothing of it is an answer",
                suspect=True,
                where=self._endpoint.where,
                fix="look at the server's log: it may have stopped or run out of memory",
            )
        return self.finish

    def _text(self, choice: Mapping[str, Any]) -> str:
        message = choice.get("delta") or choice.get("message") or {}
        if not isinstance(message, Mapping):
            raise self._damaged("a piece of the answer is not an object")
        if message.get("refusal"):
            self.finish = "declined"
        text = choice.get("text")
        text = message.get("content") if text is None else text
        text = message.get("refusal") if text is None else text
        if text is None:
            return ""
        if not isinstance(text, str):
            raise self._damaged("a piece of the answer is not text")
        return text

    def _end(self, reason: Any) -> None:
        if reason is None or self.finish == "declined":
            return
        if not isinstance(reason, str):
            raise self._damaged("the reason for its end is not text")
        if reason in _STOPPED:
            self.finish = "stop"
        elif reason in _FULL:
            self.finish = "length"
        else:
            raise ServerError(
                f"the server ended the answer with {self._endpoint.shown(reason, 40)!r}, which leaves it unfinished; "
                "nothing of it is an answer",
                where=self._endpoint.where,
                choices=["stop", "length"],
                fix="ask otherwise if a filter took it; look at the server's log if not",
            )

    def _count(self, usage: Any) -> None:
        if isinstance(usage, Mapping):
            read, written = whole_number(usage.get("prompt_tokens")), whole_number(usage.get("completion_tokens"))
            if read is not None and written is not None:
                self.usage = Usage(read, written)

    def _damaged(self, reason: str) -> ServerError:
        return ServerError(
            f"the server's answer is damaged: {reason}; nothing of it is an answer",
            suspect=True,
            where=self._endpoint.where,
            fix="check that base_url names a server of the OpenAI protocol",
        )
